package adaspec.decode;

import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Random;

/** Verification written a second time, in double and with numbers of its own, with mistakes to order. */
final class FaultyJudge implements Judge {
    enum Fault {
        NONE,
        /** Block verification: max(p - q, 0) where max(p_i p - q, 0) is meant. */
        LEFTOVER_NOT_SCALED,
        /** Block verification that ends at the first test that fails. */
        STOP_AT_FIRST_FAILURE
    }

    private final Verification verification;
    private final Fault fault;
    private final Random random;

    FaultyJudge(Verification verification, Fault fault, long seed) {
        this.verification = verification;
        this.fault = fault;
        this.random = new Random(seed);
    }

    @Override
    public Verdict verify(Tensor targetLogits, Proposal proposal, Sampling sampling, int sequence, long position, Workspace.Step step) {
        int length = proposal.length();
        double[][] p = TestLaw.ofRows(targetLogits, sampling);
        double[][] q = length == 0 ? new double[0][] : TestLaw.ofRows(proposal.logits(), sampling);
        double[] stands = new double[length + 1];
        stands[0] = 1;
        int accepted = 0;
        boolean failed = false;
        for (int i = 1; i <= length; i++) {
            int x = proposal.tokens()[i - 1];
            boolean block = verification == Verification.BLOCK;
            stands[i] = Math.min(1, (block ? stands[i - 1] : 1) * p[i - 1][x] / q[i - 1][x]);
            double bound = stands[i];
            if (block && i < length && stands[i] < 1) {
                double left = sum(leftover(stands[i], p[i], q[i]));
                bound = left / (left + 1 - stands[i]);
            }
            boolean passes = random.nextDouble() < bound;
            failed |= !passes;
            boolean firstFailureCounts = !block || fault == Fault.STOP_AT_FIRST_FAILURE;
            accepted = passes && !(failed && firstFailureCounts) ? i : accepted;
        }
        double scale = verification == Verification.BLOCK && fault != Fault.LEFTOVER_NOT_SCALED ? stands[accepted] : 1;
        double[] weights = accepted == length ? p[length] : leftover(scale, p[accepted], q[accepted]);
        return new Verdict(accepted, draw(weights));
    }

    private static double[] leftover(double scale, double[] p, double[] q) {
        double[] left = new double[p.length];
        for (int v = 0; v < p.length; v++) {
            left[v] = Math.max(scale * p[v] - q[v], 0);
        }
        return left;
    }

    private static double sum(double[] weights) {
        double sum = 0;
        for (double weight : weights) {
            sum += weight;
        }
        return sum;
    }

    private int draw(double[] weights) {
        double goal = random.nextDouble() * sum(weights);
        int last = -1;
        for (int v = 0; v < weights.length; v++) {
            goal -= weights[v];
            last = weights[v] > 0 ? v : last;
            if (goal < 0) {
                return v;
            }
        }
        return last;
    }
}
