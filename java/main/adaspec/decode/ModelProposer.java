package adaspec.decode;

import adaspec.ops.Draw;
import adaspec.ops.Philox;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * A draft model that proposes.
 *
 * <p>Invariant, with n committed ids: before a proposal the draft has read n - 1 of them, or n - 2 after a round that accepted everything, because
 * a proposal's last token is drawn but not read. What else is missing, as a text's beginning, is read before ({@link #read}). (Losing
 * count here would not change the output, only let acceptance decay; hence the checks.)
 */
public final class ModelProposer implements Proposer {
    private final Session session;
    private final Sampler sampler;
    private final DraftSampleMethod method;

    /** @param session of the draft, over the vocabulary shared with the target; stays the caller's to close */
    public ModelProposer(Session session, DraftSampleMethod method) {
        this.session = session;
        this.sampler = new Sampler(session.model().ops());
        this.method = method;
    }

    /** The draft's timeline. */
    public Session session() {
        return session;
    }

    @Override
    public void begin(int[] prompt) {
        session.requireKnown(prompt);
        session.begin(Arrays.copyOf(prompt, prompt.length - 1));
    }

    @Override
    public int unread(int length) {
        return Math.max(0, Math.min(length - 1, session.capacity()) - session.length());
    }

    @Override
    public void read(int[] committed, BooleanSupplier goesOn) {
        int unread = unread(committed.length);
        // A proposal reads one id more than the last in the same step, as after a round that accepted everything.
        if (unread > 1) {
            session.readOn(Arrays.copyOf(committed, session.length() + unread), goesOn);
        }
    }

    @Override
    public Proposal propose(int[] committed, int count, DraftLength lengths, Sampling sampling, int sequence, Workspace.Step step) {
        int n = committed.length;
        // Drafting g tokens reads up to position n + g - 2: a draft with fewer positions than the target stops proposing there.
        int drafted = Math.min(count, session.capacity() - n + 1);
        if (drafted <= 0) {
            return Proposal.NONE;
        }
        int[] unread = Arrays.copyOfRange(committed, session.length(), n);
        if (unread.length < 1 || unread.length > 2 || !session.isPrefixOf(committed)) {
            throw new IllegalStateException("the draft has read " + session.length() + " of " + n + " ids, or other ones");
        }
        boolean greedy = method == DraftSampleMethod.GREEDY || sampling.isGreedy();
        Draw draw = (greedy ? Sampling.greedy(0) : sampling).draw(sequence, n);
        int[] tokens = new int[drafted];
        Tensor logits = step.f32(drafted, session.vocabulary());
        int length = 0;
        boolean more = true;
        while (more) {
            int i = length;
            Tensor law = logits.rows(i, i + 1);
            session.advance(unread, law);
            tokens[i] = sampler.sample(law, draw, Philox.DRAFT, i, step);
            if (tokens[i] < 0) {
                session.requireFinite(law, n + i);
                throw new IllegalStateException("no token was drawn from finite logits");
            }
            unread = new int[] {tokens[i]};
            length++;
            more = length < drafted && (!lengths.stopsEarly() || lengths.goesOn(confidence(law, tokens[i], step)));
        }
        return new Proposal(tokens, greedy ? null : logits).first(length);
    }

    /** The probability of {@code token} under a law at temperature 1. */
    private double confidence(Tensor law, int token, Workspace.Step step) {
        Tensor loss = step.f32(1);
        session.model().ops().crossEntropy(loss, step.f32(1), law, step.i32(token));
        return Math.exp(-loss.get(0));
    }

    @Override
    public void rewind(int length) {
        session.rewind(Math.min(session.length(), length));
    }
}
