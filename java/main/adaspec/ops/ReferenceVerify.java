package adaspec.ops;

import static adaspec.ops.ShapeChecks.require;

import adaspec.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/** Verification as loops in double; see {@link Ops#verify}. */
final class ReferenceVerify {
    private ReferenceVerify() {}

    /**
     * What is decided about one draft of G tokens, up to the uniform numbers.
     *
     * @param bounds (G) token i passes where its uniform number is below entry i
     * @param scales (G) what multiplies the target's law in the leftover after i accepted tokens
     */
    record Decision(Verification verification, double[] bounds, double[] scales) {
        /**
         * @param p (G or more) the target's laws
         * @param q (G) the laws that the tokens were drafted from
         */
        static Decision of(Verification verification, double[][] p, double[][] q, int[] tokens) {
            double[] bounds = new double[tokens.length];
            double[] scales = new double[tokens.length];
            Arrays.fill(scales, 1);
            double stands = 1;
            for (int i = 0; i < tokens.length; i++) {
                double scale = verification == Verification.TOKEN ? 1 : stands;
                double joint = scale * p[i][tokens[i]];
                double drafted = q[i][tokens[i]];
                stands = joint < drafted ? joint / drafted : joint > 0 ? 1 : 0;
                scales[i] = scale;
                boolean open = verification == Verification.BLOCK && i + 1 < tokens.length;
                bounds[i] = open ? blockBound(stands, p[i + 1], q[i + 1]) : stands;
            }
            return new Decision(verification, bounds, scales);
        }

        private static double blockBound(double stands, double[] p, double[] q) {
            double left = Arrays.stream(leftover(stands, p, q)).sum();
            return stands == 1 ? 1 : left / (left + 1 - stands);
        }

        /** How many tokens stand when token i's uniform number is entry i. */
        int accepted(double[] uniform) {
            if (verification == Verification.TOKEN) {
                int i = 0;
                while (i < bounds.length && uniform[i] < bounds[i]) {
                    i++;
                }
                return i;
            }
            int i = bounds.length;
            while (i > 0 && !(uniform[i - 1] < bounds[i - 1])) {
                i--;
            }
            return i;
        }

        /** Weights of the token that follows {@code accepted} of them; from p where rounding leaves nothing of max(scale p - q, 0). */
        double[] next(int accepted, double[][] p, double[][] q) {
            if (accepted == bounds.length) {
                return p[accepted];
            }
            double[] left = leftover(scales[accepted], p[accepted], q[accepted]);
            return Arrays.stream(left).sum() > 0 ? left : p[accepted];
        }

        private static double[] leftover(double scale, double[] p, double[] q) {
            double[] left = new double[p.length];
            for (int v = 0; v < p.length; v++) {
                left[v] = Math.max(scale * p[v] - q[v], 0);
            }
            return left;
        }
    }

    static void verify(
            Tensor accepted,
            Tensor next,
            Tensor targetLogits,
            Tensor firstRows,
            Tensor draftLogits,
            Tensor draftTokens,
            Tensor draftLengths,
            long vocabulary,
            List<Draw> draws,
            Verification verification,
            boolean oneHotDraft) {
        int sequences = draws.size();
        int most = sequences == 0 ? 0 : Math.toIntExact(draftTokens.size() / sequences);
        for (int b = 0; b < sequences; b++) {
            int length = draftLengths.getInt(b);
            require(length >= 0 && length <= most, "verify", "draft " + b + " has length " + length + " of at most " + most);
            int[] tokens = new int[length];
            for (int i = 0; i < length; i++) {
                tokens[i] = draftTokens.getInt((long) b * most + i);
                require(tokens[i] >= 0 && tokens[i] < vocabulary, "verify", "draft token " + tokens[i] + ", vocabulary " + vocabulary);
            }
            Draw draw = draws.get(b);
            double[][] p = new double[length + 1][];
            double[][] q = new double[length][];
            long first = firstRows == null ? b * (most + 1L) : firstRows.getInt(b);
            for (int i = 0; i <= length; i++) {
                p[i] = ReferenceLaw.of(targetLogits, first + i, vocabulary, draw);
                if (i < length) {
                    boolean oneHot = oneHotDraft || draw.isGreedy();
                    q[i] = oneHot ? hot(tokens[i], vocabulary) : ReferenceLaw.of(draftLogits, b * (long) most + i, vocabulary, draw);
                }
            }
            // At temperature 0 both laws are one-hot, and token verification is the comparison of argmaxes.
            verify(accepted, next, b, p, q, tokens, draw, draw.isGreedy() ? Verification.TOKEN : verification);
        }
    }

    private static void verify(
            Tensor accepted, Tensor next, int b, double[][] p, double[][] q, int[] tokens, Draw draw, Verification verification) {
        int readable = 0; // rows before the first that is not finite
        while (readable < p.length && p[readable] != null && (readable == q.length || q[readable] != null)) {
            readable++;
        }
        int judged = Math.min(readable, tokens.length);
        double[] uniform = new double[judged];
        Arrays.setAll(uniform, i -> draw.uniform(Philox.ACCEPT, i));
        Decision decision = Decision.of(verification, p, q, Arrays.copyOf(tokens, judged));
        int taken = verification == Verification.BLOCK && judged < tokens.length ? judged : decision.accepted(uniform);
        accepted.setInt(b, taken);
        if (taken == readable) {
            next.setInt(b, -1);
            return;
        }
        double u = Philox.uniform(draw.seed(), draw.sequence(), draw.position() + taken, Philox.NEXT);
        next.setInt(b, ReferenceLaw.inverse(decision.next(taken, p, q), u));
    }

    private static double[] hot(int token, long vocabulary) {
        double[] law = new double[(int) vocabulary];
        law[token] = 1;
        return law;
    }
}
