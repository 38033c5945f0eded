package adaspec.decode;

import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * Decides how much of a proposal stands, by rejection sampling (Leviathan et al., "Fast inference from transformers via speculative decoding",
 * ICML 2023; Chen et al., "Accelerating large language model decoding with speculative sampling", 2023).
 *
 * <p>Token x drawn from q is accepted with probability min(1, p(x) / q(x)); at the first rejection the next token comes from norm(max(p - q, 0));
 * after G acceptances from p. What is emitted then has the law p. At temperature 0: accepted while equal to the argmax.
 */
final class Verifier implements Judge {
    private final Ops ops;

    Verifier(Ops ops) {
        this.ops = ops;
    }

    @Override
    public Verdict verify(Tensor targetLogits, Proposal proposal, Sampling sampling, int sequence, long position, Workspace.Step step) {
        Tensor accepted = step.i32(0);
        Tensor next = step.i32(0);
        ops.verify(
                accepted,
                next,
                targetLogits,
                proposal.logits(),
                step.i32(proposal.tokens()),
                step.i32(proposal.length()),
                targetLogits.columns(),
                (float) sampling.temperature(),
                proposal.logits() == null,
                sampling.seed(),
                sequence,
                position);
        return new Verdict(accepted.getInt(0), next.getInt(0));
    }
}
