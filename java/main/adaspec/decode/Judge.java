package adaspec.decode;

import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/** Decides how much of a proposal stands. The output is the target's only if the judge is a {@link Verifier}. */
interface Judge {
    /** @param accepted how many of the proposed tokens stand, from the first
     *  @param next     the target's own token after them, -1 if a law was not finite */
    record Verdict(int accepted, int next) {}

    /**
     * @param targetLogits (G + 1, v): row i is the target's law at the position of token i
     * @param position     of token 0
     */
    Verdict verify(Tensor targetLogits, Proposal proposal, Sampling sampling, int sequence, long position, Workspace.Step step);
}
