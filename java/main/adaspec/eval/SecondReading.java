package adaspec.eval;

import adaspec.decode.Session;
import adaspec.tensor.Tensor;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Both models read emitted texts again, side by side and many rows at a time: what they say of the same positions is compared.
 *
 * <p>It sums sum_v min(p_v, q_v) = 1 - TV(p, q), the probability that a token drawn from q is accepted, seen without the luck of the draw (Leviathan
 * et al., ICML 2023, corollary 3.6). And it finds where the draft's argmax is the text's token, which is all that a {@link DraftLengthReplay} needs.
 */
final class SecondReading {
    /** Bytes that the two models' logits of a chunk may take. */
    private static final long LOGITS_BUDGET = 32L << 20;

    private final Session target;
    private final Session draft;
    private double sum;
    private long positions;
    private int strange = -1;

    SecondReading(Session target, Session draft) {
        this.target = target;
        this.draft = draft;
    }

    /** The mean of sum_v min(p_v, q_v); NaN if no position was read. */
    double expectedAcceptance() {
        return positions == 0 ? Double.NaN : sum / positions;
    }

    /** Sum over all positions read so far of sum_v min(p_v, q_v). */
    double sum() {
        return sum;
    }

    /** Positions read so far. */
    long positions() {
        return positions;
    }

    /** The first token of the text last read that is not the target's argmax (lowest id on ties); -1 if it wrote them all. */
    int strange() {
        return strange;
    }

    /**
     * Reads {@code emitted} after {@code prompt}; positions behind the last of the draft have no q and are left out.
     *
     * @return bit i: the draft's argmax (lowest id on ties) is emitted[i]
     */
    BitSet read(int[] prompt, int[] emitted) {
        BitSet agrees = new BitSet();
        strange = -1;
        int readable = Math.min(target.capacity(), draft.capacity());
        int count = Math.min(emitted.length, readable - prompt.length + 1);
        if (count <= 0) {
            return agrees;
        }
        int[] text = Arrays.copyOf(prompt, prompt.length + count - 1);
        System.arraycopy(emitted, 0, text, prompt.length, count - 1);
        int first = prompt.length - 1;
        readTo(target, text, first);
        readTo(draft, text, first);
        int vocabulary = target.vocabulary();
        int chunk = Math.clamp(LOGITS_BUDGET / (2L * vocabulary * Float.BYTES), 1, count);
        for (int from = first; from < text.length; from += chunk) {
            int[] ids = Arrays.copyOfRange(text, from, Math.min(text.length, from + chunk));
            try (var step = target.workspace().begin()) {
                Tensor p = step.f32(ids.length, vocabulary);
                Tensor q = step.f32(ids.length, vocabulary);
                target.advance(ids, p);
                draft.advance(ids, q);
                Tensor acceptance = step.f32(ids.length);
                target.model()
                        .ops()
                        .distillForward(
                                step.f32(ids.length), null, null, acceptance, step.f32(ids.length), step.f32(ids.length), p, q, null);
                for (int i = 0; i < ids.length; i++) {
                    sum += acceptance.get(i);
                    int at = from - first + i;
                    agrees.set(at, argmax(q, i) == emitted[at]);
                    if (strange < 0 && argmax(p, i) != emitted[at]) {
                        strange = at;
                    }
                }
                positions += ids.length;
            }
        }
        return agrees;
    }

    /**
     * After {@link #read}: goes on where the text ends, on the target's greedy text, while the draft agrees with it, and sets the bits of
     * {@code agrees}.
     *
     * @param last the text's last token
     * @param from its length
     * @param to   the length at which to stop at the latest
     */
    void readOn(BitSet agrees, int last, int from, int to) {
        int token = last;
        for (int i = from; i < to && target.length() < target.capacity() && draft.length() < draft.capacity(); i++) {
            try (var step = target.workspace().begin()) {
                Tensor p = step.f32(1, target.vocabulary());
                Tensor q = step.f32(1, target.vocabulary());
                target.advance(new int[] {token}, p);
                draft.advance(new int[] {token}, q);
                token = argmax(p, 0);
                if (argmax(q, 0) != token) {
                    return;
                }
                agrees.set(i);
            }
        }
    }

    private static void readTo(Session session, int[] text, int length) {
        session.rewind(0);
        session.advance(Arrays.copyOf(text, length));
    }

    private static int argmax(Tensor logits, int row) {
        int best = 0;
        for (int v = 1; v < logits.columns(); v++) {
            if (logits.get(row, v) > logits.get(row, best)) {
                best = v;
            }
        }
        return best;
    }
}
