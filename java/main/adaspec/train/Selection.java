package adaspec.train;

import adaspec.ops.Ops;
import adaspec.ops.SelectionRule;
import adaspec.ops.Philox;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.Locale;

/**
 * Which answer tokens a draft learns from: those whose rank, a number that the rule gives each, lies in the top {@code k} of their group. As
 * published (AdaSPEC, equations 7 to 10) the rank is the gap = KL_draft - KL_ref.
 *
 * <p>The threshold is torch.quantile(ranks, 1 - k) as published, see {@link Ops#select}. With k = 1 every token is kept without a threshold.
 *
 * @param rule  what a token is ranked by
 * @param k     share to keep, in (0, 1]
 * @param scope the group that a threshold is taken over
 * @param seed  of {@link Rule#RANDOM}
 */
public record Selection(Rule rule, double k, Scope scope, long seed) {
    /** What a token is ranked by. */
    public enum Rule {
        /** The largest gaps: badly fitted, and the reference shows that a model of this size can fit it. */
        GAP,
        /** The smallest gaps. */
        GAP_BOTTOM,
        /** By lot: a number of (seed, step, place of the token among the answer tokens of the step), so that a resumed run draws the same. */
        RANDOM,
        /** The largest values of the loss in training. */
        DRAFT_LOSS,
        /** The largest entropies of the draft's law. */
        STUDENT_ENTROPY,
        /** Every token, whatever k is. */
        ALL;

        /** As the command line spells it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** The group of tokens that is ranked together. */
    public enum Scope {
        /** The answer tokens of a micro-batch, as published. */
        MICRO_BATCH,
        /** The answer tokens of the whole optimiser step. */
        BATCH,
        /** The answer tokens of each sequence. */
        SEQUENCE;

        /** As the command line spells it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** Every token: distillation without selection (DistillSpec). */
    public static final Selection ALL = new Selection(Rule.ALL, 1, Scope.MICRO_BATCH, 0);

    public Selection {
        if (!(k > 0 && k <= 1)) {
            throw new IllegalArgumentException("k is " + k + "; a number above 0 and at most 1 was expected");
        }
    }

    /** By the gap. */
    public Selection(double k, Scope scope) {
        this(Rule.GAP, k, scope, 0);
    }

    public boolean keepsAll() {
        return rule == Rule.ALL || k == 1;
    }

    /** Whether the rule compares with a reference. Then the reference is asked even where all tokens are kept, so that the gaps can be reported. */
    public boolean asksReference() {
        return rule == Rule.GAP || rule == Rule.GAP_BOTTOM;
    }

    /** Share of the tokens that is kept. */
    public double share() {
        return keepsAll() ? 1 : k;
    }

    boolean asksEntropy() {
        return rule == Rule.STUDENT_ENTROPY && !keepsAll();
    }

    /** Whether tokens can be chosen before anything is known about them. */
    boolean isBlind() {
        return rule == Rule.RANDOM;
    }

    /**
     * Writes what tokens are ranked by to {@code ranks} (n).
     *
     * @param scores of the n tokens; may be null if {@link #isBlind}
     * @param step   number of the optimiser step
     * @param first  answer tokens of the step before these
     */
    void rank(Tensor ranks, TokenScores scores, long step, int first) {
        int n = Math.toIntExact(ranks.rows());
        for (int i = 0; i < n; i++) {
            ranks.set(i, switch (rule) {
                case GAP -> scores.gap(i);
                case GAP_BOTTOM -> -scores.gap(i);
                case RANDOM -> (float) Philox.uniform(seed, first + i, step, Philox.SELECT);
                case DRAFT_LOSS -> scores.values().get(i);
                case STUDENT_ENTROPY -> scores.law().entropy().get(i);
                case ALL -> 0;
            });
        }
    }

    /**
     * The indices of ranks (n) that are kept, ascending; none if a rank is not a number.
     *
     * @param boundaries (S + 1) where each sequence's tokens begin; read for {@link Scope#SEQUENCE} only
     */
    public int[] keep(Ops ops, Tensor ranks, int[] boundaries, Workspace workspace) {
        int n = Math.toIntExact(ranks.rows());
        int[] kept = new int[n];
        if (keepsAll()) {
            Arrays.setAll(kept, i -> i);
            return kept;
        }
        int[] groups = scope == Scope.SEQUENCE ? boundaries : new int[] {0, n};
        int count = 0;
        try (var step = workspace.begin()) {
            Tensor rows = step.tensor(DType.I32, Math.max(1, n));
            for (int g = 0; g + 1 < groups.length; g++) {
                int first = groups[g];
                if (groups[g + 1] == first) {
                    continue;
                }
                int found = ops.select(rows, ranks.rows(first, groups[g + 1]), k, SelectionRule.QUANTILE);
                for (int i = 0; i < found; i++) {
                    kept[count++] = first + rows.getInt(i);
                }
            }
        }
        return Arrays.copyOf(kept, count);
    }
}
