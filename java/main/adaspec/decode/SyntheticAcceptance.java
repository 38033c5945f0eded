package adaspec.decode;

import adaspec.ops.Philox;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * Accepts each judged token with the same probability, whatever the models say of it: for measuring how fast speculation is at an acceptance that
 * random models do not have. What comes out is not the target's text.
 *
 * <p>The work is that of verification at that acceptance: each row up to the first rejection, or to the last, is judged as a proposal of nothing, whose
 * verdict is the target's own token there. Whether the token at a position is accepted depends on the seed, the sequence and the position alone.
 */
final class SyntheticAcceptance implements Judge {
    private final Judge verifier;
    private final double rate;

    /** @param rate probability of acceptance, 0 to 1 */
    SyntheticAcceptance(Judge verifier, double rate) {
        if (!(rate >= 0 && rate <= 1)) {
            throw new IllegalArgumentException("acceptance at the rate " + rate);
        }
        this.verifier = verifier;
        this.rate = rate;
    }

    @Override
    public Verdict verify(Tensor targetLogits, Proposal proposal, Sampling sampling, int sequence, long position, Workspace.Step step) {
        for (int i = 0;; i++) {
            Tensor law = targetLogits.rows(i, i + 1);
            int token = verifier.verify(law, Proposal.NONE, sampling, sequence, position + i, step).next();
            boolean accepted = i < proposal.length() && Philox.uniform(sampling.seed(), sequence, position + i, Philox.ACCEPT) < rate;
            if (token < 0 || !accepted) {
                return new Verdict(i, token);
            }
        }
    }
}
