package adaspec.eval;

import adaspec.decode.Session;
import adaspec.tensor.Tensor;
import java.util.Arrays;

/**
 * Sums sum_v min(p_v, q_v) = 1 - TV(p, q) over the positions of emitted texts, which both models read again side by side. It is the probability that
 * a token drawn from q is accepted, seen without the luck of the draw (Leviathan et al., ICML 2023, corollary 3.6).
 */
final class ExpectedAcceptance {
    /** Bytes that the two models' logits of a chunk may take. */
    private static final long LOGITS_BUDGET = 32L << 20;

    private double sum;
    private long positions;

    /** The mean; NaN if no position was added. */
    double mean() {
        return positions == 0 ? Double.NaN : sum / positions;
    }

    /** Adds the positions of {@code emitted} after {@code prompt}; those behind the last position of the draft have no q and are left out. */
    void add(Session target, Session draft, int[] prompt, int[] emitted) {
        int readable = Math.min(target.capacity(), draft.capacity());
        int count = Math.min(emitted.length, readable - prompt.length + 1);
        if (count <= 0) {
            return;
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
                }
                positions += ids.length;
            }
        }
    }

    private static void readTo(Session session, int[] text, int length) {
        session.rewind(0);
        session.advance(Arrays.copyOf(text, length));
    }
}
