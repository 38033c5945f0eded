package adaspec.decode;

import adaspec.ops.Ops;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.List;

/**
 * Decides how much of a proposal stands, by rejection sampling: token by token (Leviathan et al., "Fast inference from transformers via speculative
 * decoding", ICML 2023; Chen et al., "Accelerating large language model decoding with speculative sampling", 2023) or the block at once (Sun et al.,
 * "Block verification accelerates speculative decoding", ICLR 2025).
 *
 * <p>Token x drawn from q is accepted with probability min(1, p(x) / q(x)); at the first rejection the next token comes from norm(max(p - q, 0));
 * after G acceptances from p. What is emitted then has the law p. Block verification keeps the longest prefix that one of its tests passes, the tests
 * being such that it has the same law and is never shorter on average. At temperature 0: accepted while equal to the argmax.
 */
final class Verifier implements Judge {
    private final Ops ops;
    private final Verification verification;

    Verifier(Ops ops, Verification verification) {
        this.ops = ops;
        this.verification = verification;
    }

    @Override
    public Verdict verify(Tensor targetLogits, Proposal proposal, Sampling sampling, int sequence, long position, Workspace.Step step) {
        Tensor accepted = step.i32(0);
        Tensor next = step.i32(0);
        ops.verify(
                accepted,
                next,
                targetLogits,
                null,
                proposal.logits(),
                step.i32(proposal.tokens()),
                step.i32(proposal.length()),
                targetLogits.columns(),
                List.of(sampling.draw(sequence, position)),
                verification,
                proposal.logits() == null);
        return new Verdict(accepted.getInt(0), next.getInt(0));
    }
}
