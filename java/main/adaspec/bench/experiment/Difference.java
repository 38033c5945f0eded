package adaspec.bench.experiment;

import adaspec.bench.experiment.HierarchicalBootstrap.Rate;
import adaspec.eval.Interval;
import java.util.List;

/**
 * A measure of one arm minus that of another over the seeds of both.
 *
 * @param bootstrap 95 %, over seeds and prompts
 * @param student   95 %, over seeds; NaN for one
 * @param each      of each seed
 */
record Difference(List<Integer> seeds, double mean, Interval bootstrap, Interval student, double[] each) {
    static Difference of(Rate first, Rate second, List<Integer> seeds) {
        double[] each = first.values();
        double[] others = second.values();
        for (int s = 0; s < each.length; s++) {
            each[s] -= others[s];
        }
        double mean = first.mean() - second.mean();
        return new Difference(seeds, mean, HierarchicalBootstrap.difference(first, second), HierarchicalBootstrap.student(each), each);
    }

    /** Whether both intervals say that it is not 0. */
    boolean isShown() {
        return seeds.size() > 1 && bootstrap.excludes(0) && student.excludes(0);
    }

    /** What it says of arms {@code a} and {@code b}. */
    String sentence(String a, String b) {
        String figures = "alpha " + Format.signed(mean) + " " + Format.signed(bootstrap) + ", " + seeds.size() + " seeds";
        String direction = mean > 0 ? " above " : " below ";
        if (seeds.size() == 1) {
            return a + " was compared with " + b + " by one seed only, which shows nothing over seeds (alpha " + Format.signed(mean)
                    + ", over prompts " + Format.signed(bootstrap) + ")";
        }
        if (isShown()) {
            return a + " is" + direction + b + " (" + figures + ")";
        }
        return bootstrap.excludes(0)
                ? a + " was" + direction + b + " with these seeds, too few to say so of others (" + figures + ", by the seeds alone "
                        + Format.signed(student) + ")"
                : "no difference between " + a + " and " + b + " was shown (" + figures + ")";
    }
}
