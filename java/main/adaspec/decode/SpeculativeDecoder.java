package adaspec.decode;

import adaspec.decode.Judge.Verdict;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * The target, sped up by a proposer whose guesses it verifies several at a time. The output has the law of {@link PlainDecoder}'s, and at
 * temperature 0 it is the same ids, because a row of the target's logits does not depend on how many rows were asked for.
 *
 * <p>Invariant between rounds, with n committed ids: the target has read n - 1. A round drafts G, reads the last committed id and the G drafted
 * ones, and commits the accepted ones and one token of the target's own. G is what a {@link DraftLength} says, also where fewer tokens may still be
 * emitted, so that the counts do not depend on limits; only the last positions of a model make it draft fewer.
 */
public final class SpeculativeDecoder implements Decoder {
    private final Session target;
    private final Proposer proposer;
    private final DraftLength lengths;
    private final int[] endTokens;
    private final Judge judge;
    private final Sampler sampler;
    private final LongSupplier clock;

    /**
     * @param target               stays the caller's to close
     * @param numSpeculativeTokens N, at least 1
     * @param verification         how it is decided how much of a proposal stands
     * @param endTokens            ids that end a text
     */
    public SpeculativeDecoder(Session target, Proposer proposer, int numSpeculativeTokens, Verification verification, int[] endTokens) {
        this(target, proposer, DraftLength.fixed(numSpeculativeTokens), endTokens, new Verifier(target.model().ops(), verification),
                System::nanoTime);
    }

    /** With token verification. */
    public SpeculativeDecoder(Session target, Proposer proposer, int numSpeculativeTokens, int[] endTokens) {
        this(target, proposer, numSpeculativeTokens, Verification.TOKEN, endTokens);
    }

    /** @param clock in nanoseconds: what {@code lengths} is told that the work took */
    SpeculativeDecoder(Session target, Proposer proposer, DraftLength lengths, int[] endTokens, Judge judge, LongSupplier clock) {
        this.target = target;
        this.proposer = proposer;
        this.lengths = lengths;
        this.clock = clock;
        this.endTokens = endTokens.clone();
        this.judge = judge;
        this.sampler = new Sampler(target.model().ops());
    }

    /**
     * The target and a draft model.
     *
     * @param target  and {@code draft} stay the caller's to close
     * @param lengths of {@link Speculation#draftLength}; what it learned with one decoder it knows with the next
     */
    public static SpeculativeDecoder of(Session target, Session draft, Speculation speculation, DraftLength lengths, int[] endTokens) {
        var proposer = new ModelProposer(draft, speculation.draftSampleMethod());
        var verifier = new Verifier(target.model().ops(), speculation.verification());
        return new SpeculativeDecoder(target, proposer, lengths, endTokens, verifier, System::nanoTime);
    }

    /**
     * Accepts drafted tokens at a rate that is given, not found: for measuring speed alone. What it decodes is not the target's text.
     *
     * @param acceptance probability that a judged token is accepted, 0 to 1
     */
    public static SpeculativeDecoder withSyntheticAcceptance(Session target, Proposer proposer, int numSpeculativeTokens, double acceptance) {
        var judge = new SyntheticAcceptance(new Verifier(target.model().ops(), Verification.TOKEN), acceptance);
        return new SpeculativeDecoder(target, proposer, DraftLength.fixed(numSpeculativeTokens), new int[0], judge, System::nanoTime);
    }

    @Override
    public Completion decode(int[] prompt, Sampling sampling, int sequence, TextListener listener) {
        target.requirePrompt(prompt);
        int limit = Math.min(sampling.maxNewTokens(), target.capacity() - prompt.length);
        Continuation text = new Continuation(prompt, limit, endTokens, listener);
        AcceptanceStats stats = new AcceptanceStats(lengths.most());
        if (text.isOpen()) {
            target.begin(Arrays.copyOf(prompt, prompt.length - 1), text::isOpen);
            proposer.begin(prompt);
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
        int count = Math.min(lengths.next(proposer.unread(n)), target.capacity() - n);
        Proposal proposal = count == 0 ? Proposal.NONE : propose(committed, count, text, sampling, sequence, step);
        if (!text.isOpen()) {
            return;
        }
        long started = clock.getAsLong();
        if (proposal.length() == 0) {
            int token = PlainDecoder.next(target, sampler, text, sampling, sequence);
            lengths.alone(clock.getAsLong() - started);
            text.emit(token);
            return;
        }
        Tensor laws = score(text.last(), proposal, step);
        Verdict verdict = accept(laws, proposal, sampling, sequence, n, step);
        lengths.verified(proposal.length(), verdict.accepted(), clock.getAsLong() - started);
        stats.record(proposal.length(), verdict.accepted());
        target.rewind(n + verdict.accepted());
        proposer.rewind(n + verdict.accepted());
        for (int i = 0; i <= verdict.accepted() && text.isOpen(); i++) {
            text.emit(i < verdict.accepted() ? proposal.tokens()[i] : verdict.next());
        }
    }

    private Proposal propose(int[] committed, int count, Continuation text, Sampling sampling, int sequence, Workspace.Step step) {
        long started = clock.getAsLong();
        proposer.read(committed, text::isOpen);
        if (!text.isOpen()) {
            return Proposal.NONE;
        }
        long read = clock.getAsLong();
        Proposal proposal = proposer.propose(committed, count, lengths, sampling, sequence, step);
        lengths.drafted(proposal.length(), clock.getAsLong() - read, read - started);
        return proposal;
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
