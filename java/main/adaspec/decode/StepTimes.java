package adaspec.decode;

import adaspec.ops.Philox;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;

/**
 * What the steps of decoding take, timed apart from it: the draft's step and the target's steps of one row and more, each with the draw or the
 * verification that ends it.
 *
 * @param draftSeconds  one drafted token: reading one id, head and draw included
 * @param targetSeconds (G + 1) entry g: reading g + 1 ids, head and verification of g drafted tokens (for g = 0 the draw) included
 */
public record StepTimes(double draftSeconds, double[] targetSeconds) {
    /** Of models without the positions to speculate. */
    private static final StepTimes UNKNOWN = new StepTimes(Double.NaN, new double[] {Double.NaN});

    private static final int MOST_ROUNDS = 25;
    private static final int FEWEST_ROUNDS = 3;
    private static final double ENOUGH_SECONDS = 3;

    /**
     * Medians over rounds in each of which every kind of step is timed once, so that a machine that slows down does so for all. Large models get
     * fewer rounds.
     *
     * @param text    ids at whose end to measure; shortened where a model has no room for {@code longest} tokens behind them
     * @param longest the longest draft timed; less where the models have fewer positions
     */
    public static StepTimes measure(Session target, Session draft, DraftSampleMethod method, int[] text, int longest, Sampling sampling) {
        int room = Math.min(target.capacity() - 1, draft.capacity());
        if (room < 1) {
            return UNKNOWN;
        }
        int most = Math.clamp(room - 1, 1, longest);
        int[] committed = Arrays.copyOf(text, Math.clamp(room - most, 1, text.length));
        int before = committed.length - 1;
        target.rewind(0);
        target.advance(Arrays.copyOf(committed, before));
        var proposer = new ModelProposer(draft, method);
        proposer.begin(committed);
        proposer.read(committed, () -> true);
        DraftLength fixed = DraftLength.fixed(most);
        double[][] targets = new double[most + 1][MOST_ROUNDS];
        double[] drafts = new double[MOST_ROUNDS];
        long start = 0;
        int done = -1; // the first round warms up and is not kept
        while (done < FEWEST_ROUNDS || done < MOST_ROUNDS && (System.nanoTime() - start) * 1e-9 < ENOUGH_SECONDS) {
            try (Workspace.Step step = target.workspace().begin()) {
                long started = System.nanoTime();
                Proposal proposal = proposer.propose(committed, most, fixed, sampling, 0, step);
                double seconds = (System.nanoTime() - started) * 1e-9;
                if (done >= 0) {
                    drafts[done] = seconds / proposal.length();
                }
                for (int g = 0; g <= most; g++) {
                    seconds = targetStep(target, committed, proposal.first(g), sampling);
                    if (done >= 0) {
                        targets[g][done] = seconds;
                    }
                }
                proposer.rewind(before);
            }
            if (++done == 0) {
                start = System.nanoTime();
            }
        }
        int rounds = done;
        return new StepTimes(median(drafts, rounds), Arrays.stream(targets).mapToDouble(times -> median(times, rounds)).toArray());
    }

    private static double targetStep(Session target, int[] committed, Proposal proposal, Sampling sampling) {
        int n = committed.length;
        target.rewind(n - 1);
        try (Workspace.Step step = target.workspace().begin()) {
            int[] read = new int[proposal.length() + 1];
            read[0] = committed[n - 1];
            System.arraycopy(proposal.tokens(), 0, read, 1, proposal.length());
            long started = System.nanoTime();
            Tensor laws = step.f32(read.length, target.vocabulary());
            target.advance(read, laws);
            if (proposal.length() == 0) {
                new Sampler(target.model().ops()).sample(laws, sampling.draw(0, n), Philox.NEXT, 0, step);
            } else {
                new Verifier(target.model().ops(), Verification.TOKEN).verify(laws, proposal, sampling, 0, n, step);
            }
            return (System.nanoTime() - started) * 1e-9;
        }
    }

    /** c: one draft step over one target step of one row. */
    public double costRatio() {
        return draftSeconds / targetSeconds[0];
    }

    /** w(g): verifying g drafted tokens over a target step of one row; NaN beyond {@link #longest}. */
    public double verificationCost(int g) {
        return g < targetSeconds.length ? targetSeconds[g] / targetSeconds[0] : Double.NaN;
    }

    /** The longest draft that was timed. */
    public int longest() {
        return targetSeconds.length - 1;
    }

    private static double median(double[] values, int count) {
        double[] sorted = Arrays.copyOf(values, count);
        Arrays.sort(sorted);
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    }
}
