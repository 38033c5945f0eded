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
 * a proposal's last token is drawn but not read. What is missing is read first. (Losing count here would not change the output,
 * only let acceptance decay; hence the checks.)
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
    public void begin(int[] prompt, BooleanSupplier goesOn) {
        session.requireKnown(prompt);
        int readable = Math.min(prompt.length - 1, session.capacity());
        session.begin(Arrays.copyOf(prompt, readable), goesOn);
    }

    @Override
    public Proposal propose(int[] committed, int count, Sampling sampling, int sequence, Workspace.Step step) {
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
        for (int i = 0; i < drafted; i++) {
            Tensor law = logits.rows(i, i + 1);
            session.advance(unread, law);
            tokens[i] = sampler.sample(law, draw, Philox.DRAFT, i, step);
            if (tokens[i] < 0) {
                session.requireFinite(law, n + i);
                throw new IllegalStateException("no token was drawn from finite logits");
            }
            unread = new int[] {tokens[i]};
        }
        return new Proposal(tokens, greedy ? null : logits);
    }

    @Override
    public void rewind(int length) {
        session.rewind(Math.min(session.length(), length));
    }
}
