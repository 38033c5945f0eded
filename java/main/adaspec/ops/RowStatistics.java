package adaspec.ops;

import static adaspec.ops.ShapeChecks.requireVector;
import static adaspec.ops.ShapeChecks.requireVectorOrNull;

import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;

/**
 * What {@link Ops#distillForward} finds out about rows of target and draft logits with laws p and q, and {@link Ops#distillBackward} reads again. Each
 * is (N).
 *
 * @param loss       the divergence asked for; null: not wanted
 * @param meanSlope  sum q slope, slope_v = d loss / d q_v ({@link Divergence#TV}'s for NLA and LK_HYBRID); null: not wanted; KL_DIV needs none
 * @param klDraft    KL(p || q)
 * @param acceptance sum_v min(p_v, q_v); null: not wanted
 * @param entropy    -sum q log q; null: not wanted
 * @param targetLse  log-sum-exp of the target's rows
 * @param draftLse   log-sum-exp of the draft's rows
 */
public record RowStatistics(
        Tensor loss, Tensor meanSlope, Tensor klDraft, Tensor acceptance, Tensor entropy, Tensor targetLse, Tensor draftLse) {

    /** Room in {@code step} for what training by {@code divergence} needs; KL(p || q) is its own loss. */
    public static RowStatistics in(Workspace.Step step, int n, Divergence divergence, boolean entropy) {
        Tensor klDraft = step.f32(n);
        return new RowStatistics(
                divergence.hasSlope() ? step.f32(n) : null,
                divergence.hasSlope() ? step.f32(n) : null,
                klDraft,
                step.f32(n),
                entropy ? step.f32(n) : null,
                step.f32(n),
                step.f32(n));
    }

    /** Those of rows {@code from} to {@code to}. */
    public RowStatistics rows(int from, int to) {
        return new RowStatistics(
                rows(loss, from, to), rows(meanSlope, from, to), rows(klDraft, from, to), rows(acceptance, from, to), rows(entropy, from, to),
                rows(targetLse, from, to), rows(draftLse, from, to));
    }

    /** Throws unless each is (rows). */
    void requireRows(String operation, long rows) {
        requireVectorOrNull(operation, "loss", loss, rows);
        requireVectorOrNull(operation, "meanSlope", meanSlope, rows);
        requireVector(operation, "klDraft", klDraft, rows);
        requireVectorOrNull(operation, "acceptance", acceptance, rows);
        requireVectorOrNull(operation, "entropy", entropy, rows);
        requireVector(operation, "targetLse", targetLse, rows);
        requireVector(operation, "draftLse", draftLse, rows);
    }

    private static Tensor rows(Tensor values, int from, int to) {
        return values == null ? null : values.rows(from, to);
    }
}
