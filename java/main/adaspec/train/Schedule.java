package adaspec.train;

/** The learning rate as a function of the step. */
@FunctionalInterface
public interface Schedule {
    /** The rate of optimiser step {@code step}, counted from 1, of {@code totalSteps}. */
    double learningRate(long step, long totalSteps);

    /** The same rate at every step. */
    static Schedule constant(double rate) {
        return (step, totalSteps) -> rate;
    }
}
