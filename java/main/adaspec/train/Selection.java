package adaspec.train;

import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.Locale;

/**
 * Which answer tokens a draft learns from: those whose gap = KL_draft - KL_ref lies in the top {@code k} of their group (AdaSPEC, equations 7 to 10).
 *
 * <p>The threshold is torch.quantile(gap, 1 - k) as published, see {@link Ops#select}. With k = 1 every token is kept without a threshold.
 *
 * @param k     share to keep, in (0, 1]
 * @param scope the group that a threshold is taken over
 */
public record Selection(double k, Scope scope) {
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
    public static final Selection ALL = new Selection(1, Scope.MICRO_BATCH);

    public Selection {
        if (!(k > 0 && k <= 1)) {
            throw new IllegalArgumentException("k is " + k + "; a number above 0 and at most 1 was expected");
        }
    }

    public boolean keepsAll() {
        return k == 1;
    }

    /**
     * The indices of gap (n) that are kept, ascending.
     *
     * @param boundaries (S + 1) where each sequence's tokens begin in gap; read for {@link Scope#SEQUENCE} only
     */
    public int[] keep(Ops ops, Tensor gap, int[] boundaries, Workspace workspace) {
        int n = Math.toIntExact(gap.rows());
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
                int found = ops.select(rows, gap.rows(first, groups[g + 1]), k);
                for (int i = 0; i < found; i++) {
                    kept[count++] = first + rows.getInt(i);
                }
            }
        }
        return Arrays.copyOf(kept, count);
    }
}
