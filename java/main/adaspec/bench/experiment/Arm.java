package adaspec.bench.experiment;

import java.util.List;

/**
 * An arm of the experiment, as {@code run.sh} calls it.
 *
 * @param meaning in words
 */
record Arm(String name, String meaning) {
    static final String UNTRAINED = "untrained";
    static final String EQUAL_STEPS = "equal-steps";
    static final String EQUAL_TOKENS = "equal-tokens";
    static final String WHOLE_BUDGET = "whole-budget";
    static final String ADASPEC = "adaspec";
    static final String RANDOM = "random";
    private static final String NO_COMPENSATION = "no-compensation";
    private static final String BOTTOM = "bottom";
    private static final String LK = "lk";
    private static final String ADASPEC_LK = "adaspec-lk";

    /** In the order of the table. */
    static final List<Arm> ALL = List.of(
            new Arm(UNTRAINED, "the pretrained draft"),
            new Arm(EQUAL_STEPS, "DistillSpec: B, E; the reference of the AdaSPEC arms"),
            new Arm(EQUAL_TOKENS, "DistillSpec: B/k, E/k, the steps and tokens of AdaSPEC's selective stage"),
            new Arm(WHOLE_BUDGET, "DistillSpec: the steps and tokens of both stages of AdaSPEC"),
            new Arm(ADASPEC, "AdaSPEC as published: top 40 % by the gap, B/k, E/k"),
            new Arm(NO_COMPENSATION, "AdaSPEC with B and E"),
            new Arm(RANDOM, "40 % by lot, B/k, E/k"),
            new Arm(BOTTOM, "bottom 40 % by the gap, B/k, E/k"),
            new Arm(LK, "lk_hybrid on all tokens, B/k, E/k"),
            new Arm(ADASPEC_LK, "AdaSPEC with lk_hybrid; the reference is that of AdaSPEC"));

    /** The baselines that AdaSPEC has to beat. */
    static final List<String> DISTILLSPEC = List.of(EQUAL_STEPS, EQUAL_TOKENS, WHOLE_BUDGET);

    /** {@code arm} minus {@code against}. */
    record Pair(String arm, String against) {}

    /** What is asked beside AdaSPEC against each: what a loss, a share or a selection does when all else is equal. */
    static final List<Pair> OTHER_PAIRS = List.of(
            new Pair(NO_COMPENSATION, EQUAL_STEPS),
            new Pair(RANDOM, EQUAL_TOKENS),
            new Pair(BOTTOM, RANDOM),
            new Pair(LK, EQUAL_TOKENS),
            new Pair(ADASPEC_LK, LK));

    /** Whether the arm is compared with a reference that has to be trained first. */
    boolean hasReference() {
        return !name.equals(UNTRAINED) && !DISTILLSPEC.contains(name) && !name.equals(LK) && !name.equals(RANDOM);
    }

    /** The name of the arm {@code arm} with {@code times} the epochs; once is the arm itself. */
    static String longer(String arm, int times) {
        return times == 1 ? arm : arm + "-x" + times;
    }
}
