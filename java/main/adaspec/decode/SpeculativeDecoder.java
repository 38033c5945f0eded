package adaspec.decode;

import adaspec.decode.Judge.Verdict;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;

/**
 * The target, sped up by a proposer whose guesses it verifies several at a time. The output has the law of {@link PlainDecoder}'s, and at
 * temperature 0 it is the same ids, because a row of the target's logits does not depend on how many rows were asked for.
 *
 * <p>Invariant between rounds, with n committed ids: the target has read n - 1. A round drafts G, reads the last committed id and the G drafted
 * ones, and commits the accepted ones and one token of the target's own. Every round drafts the full N, also where fewer tokens may still be emitted,
 * so that the counts do not depend on limits; only the last positions of a model make it draft fewer.
 */
public final class SpeculativeDecoder implements Decoder {
    private final Session target;
    private final Proposer proposer;
    private final int numSpeculativeTokens;
    private final int[] endTokens;
    private final Judge judge;
    private final Sampler sampler;

    /**
     * @param target               stays the caller's to close
     * @param numSpeculativeTokens N, at least 1
     * @param verification         how it is decided how much of a proposal stands
     * @param endTokens            ids that end a text
     */
    public SpeculativeDecoder(Session target, Proposer proposer, int numSpeculativeTokens, Verification verification, int[] endTokens) {
        this(target, proposer, numSpeculativeTokens, endTokens, new Verifier(target.model().ops(), verification));
    }

    /** With token verification. */
    public SpeculativeDecoder(Session target, Proposer proposer, int numSpeculativeTokens, int[] endTokens) {
        this(target, proposer, numSpeculativeTokens, Verification.TOKEN, endTokens);
    }

    private SpeculativeDecoder(Session target, Proposer proposer, int numSpeculativeTokens, int[] endTokens, Judge judge) {
        if (numSpeculativeTokens < 1) {
            throw new IllegalArgumentException("drafts of " + numSpeculativeTokens + " tokens");
        }
        this.target = target;
        this.proposer = proposer;
        this.numSpeculativeTokens = numSpeculativeTokens;
        this.endTokens = endTokens.clone();
        this.judge = judge;
        this.sampler = new Sampler(target.model().ops());
    }

    /**
     * The target and a draft model.
     *
     * @param target and {@code draft} stay the caller's to close
     */
    public static SpeculativeDecoder of(Session target, Session draft, Speculation speculation, int[] endTokens) {
        var proposer = new ModelProposer(draft, speculation.draftSampleMethod());
        return new SpeculativeDecoder(target, proposer, speculation.numSpeculativeTokens(), speculation.verification(), endTokens);
    }

    /**
     * Accepts drafted tokens at a rate that is given, not found: for measuring speed alone. What it decodes is not the target's text.
     *
     * @param acceptance probability that a judged token is accepted, 0 to 1
     */
    public static SpeculativeDecoder withSyntheticAcceptance(Session target, Proposer proposer, int numSpeculativeTokens, double acceptance) {
        var judge = new SyntheticAcceptance(new Verifier(target.model().ops(), Verification.TOKEN), acceptance);
        return new SpeculativeDecoder(target, proposer, numSpeculativeTokens, new int[0], judge);
    }

    @Override
    public Completion decode(int[] prompt, Sampling sampling, int sequence, TextListener listener) {
        target.requirePrompt(prompt);
        int limit = Math.min(sampling.maxNewTokens(), target.capacity() - prompt.length);
        Continuation text = new Continuation(prompt, limit, endTokens, listener);
        AcceptanceStats stats = new AcceptanceStats(numSpeculativeTokens);
        if (text.isOpen()) {
            target.begin(Arrays.copyOf(prompt, prompt.length - 1), text::isOpen);
            proposer.begin(prompt, text::isOpen);
        }
        while (text.isOpen()) {
            try (Workspace.Step step = target.workspace().begin()) {
                round(text, stats, sampling, sequence, step);
            }
        }
        return text.completion(stats);
    }

    private void round(Continuation text, AcceptanceStats stats, Sampling sampling, int sequence, Workspace.Step step) {
        int[] committed = text.ids();
        int n = committed.length;
        if (target.length() != n - 1) {
            throw new IllegalStateException("the target has read " + target.length() + " of " + n + " ids");
        }
        int count = Math.min(numSpeculativeTokens, target.capacity() - n);
        Proposal proposal = proposer.propose(committed, count, sampling, sequence, step);
        if (proposal.length() == 0) {
            text.emit(PlainDecoder.next(target, sampler, text, sampling, sequence));
            return;
        }
        Tensor laws = score(text.last(), proposal, step);
        Verdict verdict = accept(laws, proposal, sampling, sequence, n, step);
        stats.record(proposal.length(), verdict.accepted());
        target.rewind(n + verdict.accepted());
        proposer.rewind(n + verdict.accepted());
        for (int i = 0; i <= verdict.accepted() && text.isOpen(); i++) {
            text.emit(i < verdict.accepted() ? proposal.tokens()[i] : verdict.next());
        }
    }

    /** (G + 1, v): the target's laws after the last committed id and after each drafted one. */
    private Tensor score(int last, Proposal proposal, Workspace.Step step) {
        int[] read = new int[proposal.length() + 1];
        read[0] = last;
        System.arraycopy(proposal.tokens(), 0, read, 1, proposal.length());
        Tensor laws = step.f32(read.length, target.vocabulary());
        target.advance(read, laws);
        return laws;
    }

    private Verdict accept(Tensor laws, Proposal proposal, Sampling sampling, int sequence, int position, Workspace.Step step) {
        Verdict verdict = judge.verify(laws, proposal, sampling, sequence, position, step);
        if (verdict.next() < 0) {
            // A draft whose laws are not finite was already found out when it sampled from them.
            target.requireFinite(laws, position);
            throw new IllegalStateException("no token was drawn from finite logits");
        }
        return verdict;
    }
}
