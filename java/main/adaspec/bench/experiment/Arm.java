package adaspec.bench.experiment;

import java.util.List;
import java.util.Optional;

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

    /** In the order of the table. */
    static final List<Arm> ALL = List.of(
            new Arm(UNTRAINED, "the pretrained draft"),
            new Arm(EQUAL_STEPS, "DistillSpec: B, E; the reference of the AdaSPEC arms"),
            new Arm(EQUAL_TOKENS, "DistillSpec: B/k, E/k, the steps and tokens of AdaSPEC's selective stage"),
            new Arm(WHOLE_BUDGET, "DistillSpec: the steps and tokens of both stages of AdaSPEC"),
            new Arm(ADASPEC, "AdaSPEC as published: top 40 % by the gap, B/k, E/k"),
            new Arm("no-compensation", "AdaSPEC with B and E"),
            new Arm(RANDOM, "40 % by lot, B/k, E/k"),
            new Arm("bottom", "bottom 40 % by the gap, B/k, E/k"),
            new Arm("lk", "lk_hybrid on all tokens, B/k, E/k"),
            new Arm("adaspec-lk", "AdaSPEC with lk_hybrid; the reference is that of AdaSPEC"));

    /** The baselines that AdaSPEC has to beat. */
    static final List<String> DISTILLSPEC = List.of(EQUAL_STEPS, EQUAL_TOKENS, WHOLE_BUDGET);

    /** Whether the arm is compared with a reference that has to be trained first. */
    boolean hasReference() {
        return !name.equals(UNTRAINED) && !DISTILLSPEC.contains(name) && !name.equals("lk") && !name.equals(RANDOM);
    }

    static Optional<Arm> named(String name) {
        return ALL.stream().filter(arm -> arm.name.equals(name)).findFirst();
    }
}
