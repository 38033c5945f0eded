package adaspec.ops;

import static adaspec.ops.ShapeChecks.require;
import static adaspec.ops.ShapeChecks.requireMatrix;
import static adaspec.ops.ShapeChecks.requireSame;
import static adaspec.ops.ShapeChecks.requireVector;
import static adaspec.ops.ShapeChecks.requireVectorOrNull;

import adaspec.device.Device;
import adaspec.device.Kernels;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The operations on a processor: shapes are checked here, then the native library computes; large matrix products are oneDNN's. */
public final class CpuOps implements Ops {
    private final Kernels kernels;
    private final Device device;
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment number = arena.allocate(8, 8);
    private final Map<HeadLayout, MemorySegment> layouts = new HashMap<>();

    /** Operations on {@code device}, which must be {@code cpu}. */
    public CpuOps(Device device) {
        this.kernels = device.kernels();
        this.device = device;
    }

    @Override
    public String deviceName() {
        return "cpu";
    }

    // ------------------------------------------------------------------------------------------------ what an operand may be

    private static MemorySegment inNativeMemory(String operation, String name, Tensor tensor) {
        if (!tensor.segment().isNative()) {
            throw new IllegalArgumentException(operation + ": " + name + " is on the Java heap; the processor's operations take memory of a Workspace");
        }
        return tensor.segment();
    }

    /** Any float type, any row stride. */
    private static MemorySegment anyFloat(String operation, String name, Tensor tensor) {
        require(tensor.dtype().isFloat(), operation, name, tensor, "a float type");
        return inNativeMemory(operation, name, tensor);
    }

    /** f32, any row stride. */
    private static MemorySegment rows(String operation, String name, Tensor tensor) {
        require(tensor.dtype() == DType.F32, operation, name, tensor, "f32");
        return inNativeMemory(operation, name, tensor);
    }

    /** f32, dense. */
    private static MemorySegment dense(String operation, String name, Tensor tensor) {
        require(tensor.isDense(), operation, name, tensor, "a tensor of dense rows");
        return rows(operation, name, tensor);
    }

    private static MemorySegment denseOrNull(String operation, String name, Tensor tensor) {
        return tensor == null ? MemorySegment.NULL : dense(operation, name, tensor);
    }

    private static MemorySegment ids(String operation, String name, Tensor tensor) {
        require(tensor.dtype() == DType.I32 && tensor.isDense(), operation, name, tensor, "dense i32");
        return inNativeMemory(operation, name, tensor);
    }

    private static void requireIdsBelow(String operation, String name, Tensor ids, long bound) {
        for (long i = 0, n = ids.size(); i < n; i++) {
            int id = ids.getInt(i);
            if (id < 0 || id >= bound) {
                throw new IllegalArgumentException(operation + ": " + name + "[" + i + "] is " + id + ", outside 0 to " + (bound - 1));
            }
        }
    }

    private MemorySegment layout(HeadLayout l) {
        return layouts.computeIfAbsent(l, key -> Kernels.headLayout(
                arena, l.queryHeads(), l.kvHeads(), l.headDim(), l.queryOffset(), l.keyOffset(), l.valueOffset(), l.queryHeadStride(),
                l.kvHeadStride(), l.rowWidth()));
    }

    // ------------------------------------------------------------------------------------------------ embedding

    @Override
    public void embedding(Tensor out, Tensor table, Tensor ids) {
        requireMatrix("embedding", "out", out, ids.rows(), table.columns());
        requireDense("embedding", "table", table);
        kernels.embeddingForward(
                dense("embedding", "out", out), anyFloat("embedding", "table", table), table.dtype().code(), ids("embedding", "ids", ids), ids.rows(),
                table.columns(), table.rows());
    }

    private static void requireDense(String operation, String name, Tensor tensor) {
        require(tensor.isDense(), operation, name, tensor, "a tensor of dense rows");
    }

    @Override
    public void embeddingBackward(Tensor dTable, Tensor dOut, Tensor ids) {
        requireMatrix("embeddingBackward", "dOut", dOut, ids.rows(), dTable.columns());
        kernels.embeddingBackward(
                dense("embeddingBackward", "dTable", dTable), dense("embeddingBackward", "dOut", dOut), ids("embeddingBackward", "ids", ids),
                ids.rows(), dTable.columns(), dTable.rows());
    }

    // ------------------------------------------------------------------------------------------------ norms

    @Override
    public void layerNorm(Tensor out, Tensor mean, Tensor rstd, Tensor x, Tensor gain, Tensor bias, float eps) {
        requireSame("layerNorm", "out", out, "x", x);
        requireVector("layerNorm", "mean", mean, x.rows());
        requireVector("layerNorm", "rstd", rstd, x.rows());
        requireVector("layerNorm", "gain", gain, x.columns());
        requireVector("layerNorm", "bias", bias, x.columns());
        kernels.layernormForward(
                dense("layerNorm", "out", out), dense("layerNorm", "mean", mean), dense("layerNorm", "rstd", rstd), dense("layerNorm", "x", x),
                dense("layerNorm", "gain", gain), dense("layerNorm", "bias", bias), eps, x.rows(), x.columns());
    }

    @Override
    public void layerNormBackward(Tensor dx, Tensor dGain, Tensor dBias, Tensor dOut, Tensor x, Tensor mean, Tensor rstd, Tensor gain) {
        String operation = "layerNormBackward";
        requireSame(operation, "dx", dx, "x", x);
        requireSame(operation, "dOut", dOut, "x", x);
        requireVector(operation, "mean", mean, x.rows());
        requireVector(operation, "rstd", rstd, x.rows());
        requireVector(operation, "gain", gain, x.columns());
        requireVector(operation, "dGain", dGain, x.columns());
        requireVector(operation, "dBias", dBias, x.columns());
        kernels.layernormBackward(
                dense(operation, "dx", dx), dense(operation, "dGain", dGain), dense(operation, "dBias", dBias), dense(operation, "dOut", dOut),
                dense(operation, "x", x), dense(operation, "mean", mean), dense(operation, "rstd", rstd), dense(operation, "gain", gain), x.rows(),
                x.columns());
    }

    @Override
    public void rmsNorm(Tensor out, Tensor rstd, Tensor x, Tensor gain, float eps) {
        requireSame("rmsNorm", "out", out, "x", x);
        requireVector("rmsNorm", "rstd", rstd, x.rows());
        requireVector("rmsNorm", "gain", gain, x.columns());
        kernels.rmsnormForward(
                dense("rmsNorm", "out", out), dense("rmsNorm", "rstd", rstd), dense("rmsNorm", "x", x), dense("rmsNorm", "gain", gain), eps, x.rows(),
                x.columns());
    }

    @Override
    public void rmsNormBackward(Tensor dx, Tensor dGain, Tensor dOut, Tensor x, Tensor rstd, Tensor gain) {
        String operation = "rmsNormBackward";
        requireSame(operation, "dx", dx, "x", x);
        requireSame(operation, "dOut", dOut, "x", x);
        requireVector(operation, "rstd", rstd, x.rows());
        requireVector(operation, "gain", gain, x.columns());
        requireVector(operation, "dGain", dGain, x.columns());
        kernels.rmsnormBackward(
                dense(operation, "dx", dx), dense(operation, "dGain", dGain), dense(operation, "dOut", dOut), dense(operation, "x", x),
                dense(operation, "rstd", rstd), dense(operation, "gain", gain), x.rows(), x.columns());
    }

    // ------------------------------------------------------------------------------------------------ linear maps

    /** f32 and pairs of bf16 by the library; f32 with narrow weights by our own kernel, which widens them as it reads. */
    @Override
    public void linear(Tensor out, Tensor x, Tensor weight, Tensor bias) {
        if (x.dtype() == DType.F32 && weight.dtype() != DType.F32) {
            linearRows("linear", out, x, weight, bias);
            return;
        }
        requireLinear("linear", out, x, weight, bias);
        multiply("linear", false, true, "x", x, "weight", weight, false, "out", out);
        if (bias != null) {
            kernels.biasAdd(out.segment(), stride(out), dense("linear", "bias", bias), out.rows(), out.columns());
        }
    }

    private static void requireLinear(String operation, Tensor out, Tensor x, Tensor weight, Tensor bias) {
        requireMatrix(operation, "weight", weight, weight.rows(), x.columns());
        requireMatrix(operation, "out", out, x.rows(), weight.rows());
        if (bias != null) {
            requireVector(operation, "bias", bias, weight.rows());
        }
    }

    @Override
    public void linearBackwardInput(Tensor dx, Tensor dOut, Tensor weight, boolean accumulate) {
        String operation = "linearBackwardInput";
        requireMatrix(operation, "weight", weight, dOut.columns(), weight.columns());
        requireMatrix(operation, "dx", dx, dOut.rows(), weight.columns());
        multiply(operation, false, false, "dOut", dOut, "weight", weight, accumulate, "dx", dx);
    }

    @Override
    public void linearBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
        String operation = "linearBackwardWeight";
        requireMatrix(operation, "dOut", dOut, x.rows(), dOut.columns());
        requireMatrix(operation, "dWeight", dWeight, dOut.columns(), x.columns());
        multiply(operation, true, false, "dOut", dOut, "x", x, true, "dWeight", dWeight);
    }

    @Override
    public void biasBackward(Tensor dBias, Tensor dOut) {
        requireVector("biasBackward", "dBias", dBias, dOut.columns());
        kernels.columnSum(
                dense("biasBackward", "dBias", dBias), rows("biasBackward", "dOut", dOut), stride(dOut), dOut.rows(), dOut.columns());
    }

    /** c = a b, or c += a b, a or b read transposed where told; a and b are both f32 or both bf16, c is f32. */
    private void multiply(
            String operation, boolean transposeA, boolean transposeB, String nameA, Tensor a, String nameB, Tensor b, boolean accumulate,
            String nameC, Tensor c) {
        long inner = transposeA ? a.rows() : a.columns();
        float beta = accumulate ? 1 : 0;
        MemorySegment result = rows(operation, nameC, c);
        if (a.dtype() == DType.BF16 && b.dtype() == DType.BF16) {
            if (device.gemm().multipliesBf16()) {
                device.gemm().multiply(
                        DType.BF16, transposeA, transposeB, c.rows(), c.columns(), inner, inNativeMemory(operation, nameA, a), stride(a),
                        inNativeMemory(operation, nameB, b), stride(b), beta, result, stride(c));
            } else {
                multiplyWidened(operation, transposeA, transposeB, nameA, a, nameB, b, inner, beta, c);
            }
            return;
        }
        device.gemm().multiply(
                DType.F32, transposeA, transposeB, c.rows(), c.columns(), inner, rows(operation, nameA, a), stride(a),
                rows(operation, nameB, b), stride(b), beta, result, stride(c));
    }

    /** Where the library has no bf16 products: the same numbers as f32. */
    private void multiplyWidened(
            String operation, boolean transposeA, boolean transposeB, String nameA, Tensor a, String nameB, Tensor b, long inner, float beta,
            Tensor c) {
        try (Arena scratch = Arena.ofConfined()) {
            device.gemm().multiply(
                    DType.F32, transposeA, transposeB, c.rows(), c.columns(), inner, widened(operation, nameA, a, scratch), stride(a),
                    widened(operation, nameB, b, scratch), stride(b), beta, c.segment(), stride(c));
        }
    }

    /** The elements from the first to the last, gaps between rows among them, as f32. */
    private MemorySegment widened(String operation, String name, Tensor matrix, Arena scratch) {
        MemorySegment from = inNativeMemory(operation, name, matrix);
        long elements = from.byteSize() / matrix.dtype().bytes();
        MemorySegment wide = scratch.allocate(Math.max(1, elements) * Float.BYTES, 64);
        kernels.cast(wide, DType.F32.code(), from, matrix.dtype().code(), elements);
        return wide;
    }

    @Override
    public void linearRows(Tensor out, Tensor x, Tensor weight, Tensor bias) {
        linearRows("linearRows", out, x, weight, bias);
    }

    private void linearRows(String operation, Tensor out, Tensor x, Tensor weight, Tensor bias) {
        requireLinear(operation, out, x, weight, bias);
        kernels.linearRows(
                rows(operation, "out", out), stride(out), rows(operation, "x", x), stride(x), anyFloat(operation, "weight", weight),
                weight.dtype().code(), stride(weight), denseOrNull(operation, "bias", bias), x.rows(), weight.rows(), x.columns());
    }

    /** The row stride; of a single row its own length will do, whatever view it came from. */
    private static long stride(Tensor matrix) {
        return Math.max(matrix.rowStride(), matrix.columns());
    }

    // ------------------------------------------------------------------------------------------------ rotary and attention

    @Override
    public void rotary(Tensor qkv, HeadLayout layout, Tensor positions, Tensor table, boolean inverse) {
        requireMatrix("rotary", "qkv", qkv, positions.rows(), layout.rowWidth());
        kernels.rotary(
                dense("rotary", "qkv", qkv), layout(layout), ids("rotary", "positions", positions), dense("rotary", "table", table), table.rows(),
                Math.toIntExact(table.columns()), false, inverse, qkv.rows());
    }

    @Override
    public void attention(Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale) {
        requireMatrix("attention", "qkv", qkv, qkv.rows(), layout.rowWidth());
        requireMatrix("attention", "out", out, qkv.rows(), layout.outputWidth());
        requireMatrix("attention", "lse", lse, qkv.rows(), layout.queryHeads());
        require(starts.rows() >= 1, "attention", "starts is " + starts + "; one number more than sequences was expected");
        kernels.attentionForward(
                dense("attention", "out", out), dense("attention", "lse", lse), dense("attention", "qkv", qkv), layout(layout),
                ids("attention", "starts", starts), starts.rows() - 1, scale, qkv.rows());
    }

    @Override
    public void attentionBackward(
            Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, HeadLayout layout, Tensor starts, float scale) {
        String operation = "attentionBackward";
        requireMatrix(operation, "qkv", qkv, qkv.rows(), layout.rowWidth());
        requireSame(operation, "dQkv", dQkv, "qkv", qkv);
        requireMatrix(operation, "out", out, qkv.rows(), layout.outputWidth());
        requireSame(operation, "dOut", dOut, "out", out);
        requireMatrix(operation, "lse", lse, qkv.rows(), layout.queryHeads());
        require(starts.rows() >= 1, operation, "starts is " + starts + "; one number more than sequences was expected");
        kernels.attentionBackward(
                dense(operation, "dQkv", dQkv), dense(operation, "dOut", dOut), dense(operation, "out", out), dense(operation, "lse", lse),
                dense(operation, "qkv", qkv), layout(layout), ids(operation, "starts", starts), starts.rows() - 1, scale, qkv.rows());
    }

    @Override
    public void cacheAppend(Tensor keys, Tensor values, Tensor qkv, HeadLayout layout, long position) {
        requireCache("cacheAppend", keys, values, qkv, layout);
        kernels.cacheAppend(
                dense("cacheAppend", "keys", keys), dense("cacheAppend", "values", values), dense("cacheAppend", "qkv", qkv), layout(layout),
                position, keys.dim(1), qkv.rows());
    }

    @Override
    public void attentionDecode(Tensor out, Tensor qkv, HeadLayout layout, Tensor keys, Tensor values, long position, float scale) {
        requireCache("attentionDecode", keys, values, qkv, layout);
        requireMatrix("attentionDecode", "out", out, qkv.rows(), layout.outputWidth());
        kernels.attentionDecode(
                dense("attentionDecode", "out", out), dense("attentionDecode", "qkv", qkv), layout(layout), dense("attentionDecode", "keys", keys),
                dense("attentionDecode", "values", values), position, keys.dim(1), scale, qkv.rows());
    }

    private static void requireCache(String operation, Tensor keys, Tensor values, Tensor qkv, HeadLayout layout) {
        requireMatrix(operation, "qkv", qkv, qkv.rows(), layout.rowWidth());
        if (keys.rank() != 3 || keys.dim(0) != layout.kvHeads() || keys.dim(2) != layout.headDim()) {
            throw new IllegalArgumentException(
                    operation + ": keys is " + keys + "; (" + layout.kvHeads() + ", positions, " + layout.headDim() + ") was expected");
        }
        requireSame(operation, "values", values, "keys", keys);
    }

    // ------------------------------------------------------------------------------------------------ elementwise and rows

    @Override
    public void gelu(Tensor out, Tensor x, Gelu kind) {
        requireSame("gelu", "out", out, "x", x);
        kernels.geluForward(dense("gelu", "out", out), dense("gelu", "x", x), kind == Gelu.TANH, x.size());
    }

    @Override
    public void geluBackward(Tensor dx, Tensor dOut, Tensor x, Gelu kind) {
        requireSame("geluBackward", "dx", dx, "x", x);
        requireSame("geluBackward", "dOut", dOut, "x", x);
        kernels.geluBackward(
                dense("geluBackward", "dx", dx), dense("geluBackward", "dOut", dOut), dense("geluBackward", "x", x), kind == Gelu.TANH, x.size());
    }

    @Override
    public void swiGlu(Tensor out, Tensor x) {
        requireMatrix("swiGlu", "x", x, out.rows(), 2 * out.columns());
        kernels.swigluForward(dense("swiGlu", "out", out), dense("swiGlu", "x", x), out.rows(), out.columns());
    }

    @Override
    public void swiGluBackward(Tensor dx, Tensor dOut, Tensor x) {
        String operation = "swiGluBackward";
        requireMatrix(operation, "x", x, dOut.rows(), 2 * dOut.columns());
        requireSame(operation, "dx", dx, "x", x);
        kernels.swigluBackward(dense(operation, "dx", dx), dense(operation, "dOut", dOut), dense(operation, "x", x), dOut.rows(), dOut.columns());
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b) {
        requireSame("add", "out", out, "a", a);
        requireSame("add", "b", b, "a", a);
        kernels.add(dense("add", "out", out), dense("add", "a", a), dense("add", "b", b), a.size());
    }

    @Override
    public void cast(Tensor out, Tensor x) {
        requireSame("cast", "out", out, "x", x);
        requireDense("cast", "out", out);
        requireDense("cast", "x", x);
        kernels.cast(anyFloat("cast", "out", out), out.dtype().code(), anyFloat("cast", "x", x), x.dtype().code(), x.size());
    }

    @Override
    public void gatherRows(Tensor out, Tensor x, Tensor rows) {
        requireMatrix("gatherRows", "out", out, rows.rows(), x.columns());
        requireIdsBelow("gatherRows", "rows", rows, x.rows());
        kernels.gatherRows(
                dense("gatherRows", "out", out), rows("gatherRows", "x", x), stride(x), ids("gatherRows", "rows", rows), rows.rows(), x.columns());
    }

    @Override
    public void scatterAddRows(Tensor x, Tensor d, Tensor rows) {
        requireMatrix("scatterAddRows", "d", d, rows.rows(), x.columns());
        requireIdsBelow("scatterAddRows", "rows", rows, x.rows());
        kernels.scatterAddRows(
                rows("scatterAddRows", "x", x), stride(x), dense("scatterAddRows", "d", d), ids("scatterAddRows", "rows", rows), rows.rows(),
                x.columns());
    }

    // ------------------------------------------------------------------------------------------------ losses over the vocabulary

    @Override
    public void distillForward(
            Divergence divergence,
            RowStatistics statistics,
            Tensor klRef,
            Tensor gap,
            Tensor targetLogits,
            Tensor draftLogits,
            Tensor referenceLogits) {
        String operation = "distillForward";
        requireSame(operation, "draft logits", draftLogits, "target logits", targetLogits);
        if (referenceLogits != null) {
            requireSame(operation, "reference logits", referenceLogits, "target logits", targetLogits);
        }
        long n = targetLogits.rows();
        statistics.requireRows(operation, n);
        requireVectorOrNull(operation, "klRef", klRef, n);
        requireVectorOrNull(operation, "gap", gap, n);
        require(gap == null || referenceLogits != null || klRef != null, operation, "a gap needs the reference's logits or its divergence");
        kernels.distillForward(
                denseOrNull(operation, "loss", statistics.loss()), denseOrNull(operation, "meanSlope", statistics.meanSlope()),
                dense(operation, "klDraft", statistics.klDraft()), denseOrNull(operation, "klRef", klRef), denseOrNull(operation, "gap", gap),
                denseOrNull(operation, "acceptance", statistics.acceptance()), denseOrNull(operation, "entropy", statistics.entropy()),
                dense(operation, "targetLse", statistics.targetLse()), dense(operation, "draftLse", statistics.draftLse()),
                rows(operation, "target logits", targetLogits), stride(targetLogits), rows(operation, "draft logits", draftLogits),
                stride(draftLogits), referenceLogits == null ? MemorySegment.NULL : rows(operation, "reference logits", referenceLogits),
                referenceLogits == null ? 0 : stride(referenceLogits), DType.F32.code(), divergence.code(), n, targetLogits.columns());
    }

    @Override
    public void distillBackward(
            Divergence divergence, Tensor dLogits, Tensor targetLogits, Tensor draftLogits, RowStatistics statistics, Tensor rows, float scale) {
        String operation = "distillBackward";
        requireSame(operation, "draft logits", draftLogits, "target logits", targetLogits);
        statistics.requireRows(operation, targetLogits.rows());
        requireMatrix(operation, "dLogits", dLogits, rows == null ? targetLogits.rows() : rows.rows(), targetLogits.columns());
        if (rows != null) {
            requireIdsBelow(operation, "rows", rows, targetLogits.rows());
        }
        kernels.distillBackward(
                rows(operation, "dLogits", dLogits), stride(dLogits), rows(operation, "target logits", targetLogits), stride(targetLogits),
                rows(operation, "draft logits", draftLogits), stride(draftLogits), DType.F32.code(),
                dense(operation, "targetLse", statistics.targetLse()), dense(operation, "draftLse", statistics.draftLse()),
                denseOrNull(operation, "meanSlope", statistics.meanSlope()), denseOrNull(operation, "acceptance", statistics.acceptance()),
                rows == null ? MemorySegment.NULL : ids(operation, "rows", rows), divergence.code(), scale, dLogits.rows(), dLogits.columns());
    }

    @Override
    public void crossEntropy(Tensor loss, Tensor lse, Tensor logits, Tensor targets) {
        requireVector("crossEntropy", "loss", loss, logits.rows());
        requireVector("crossEntropy", "lse", lse, logits.rows());
        requireVector("crossEntropy", "targets", targets, logits.rows());
        kernels.crossEntropyForward(
                dense("crossEntropy", "loss", loss), dense("crossEntropy", "lse", lse), rows("crossEntropy", "logits", logits), stride(logits),
                ids("crossEntropy", "targets", targets), logits.rows(), logits.columns());
    }

    @Override
    public void crossEntropyBackward(Tensor dLogits, Tensor logits, Tensor lse, Tensor targets, float scale) {
        String operation = "crossEntropyBackward";
        requireSame(operation, "dLogits", dLogits, "logits", logits);
        requireVector(operation, "lse", lse, logits.rows());
        requireVector(operation, "targets", targets, logits.rows());
        kernels.crossEntropyBackward(
                rows(operation, "dLogits", dLogits), stride(dLogits), rows(operation, "logits", logits), stride(logits), dense(operation, "lse", lse),
                ids(operation, "targets", targets), scale, logits.rows(), logits.columns());
    }

    @Override
    public int select(Tensor keptRows, Tensor gap, double k, SelectionRule rule) {
        require(gap.size() >= 1 && keptRows.size() >= gap.size(), "select", "keptRows is " + keptRows + ", gap is " + gap);
        // The processor selects by radix and needs no scratch.
        kernels.select(
                ids("select", "keptRows", keptRows), number, dense("select", "gap", gap), k, rule.code(), MemorySegment.NULL, gap.size());
        return number.get(ValueLayout.JAVA_INT, 0);
    }

    // ------------------------------------------------------------------------------------------------ optimiser

    @Override
    public double sumOfSquares(Tensor x) {
        kernels.sumOfSquares(number, dense("sumOfSquares", "x", x), x.size());
        return number.get(ValueLayout.JAVA_DOUBLE, 0);
    }

    @Override
    public void adamw(
            Tensor param, Tensor grad, Tensor m, Tensor v, float gradScale, float lr, float beta1, float beta2, float eps, float weightDecay,
            long step) {
        requireVector("adamw", "grad", grad, param.size());
        requireVector("adamw", "m", m, param.size());
        requireVector("adamw", "v", v, param.size());
        kernels.adamw(
                dense("adamw", "param", param), dense("adamw", "grad", grad), dense("adamw", "m", m), dense("adamw", "v", v), gradScale, lr, beta1,
                beta2, eps, weightDecay, step, param.size());
    }

    // ------------------------------------------------------------------------------------------------ decoding

    @Override
    public void sample(Tensor token, Tensor probability, Tensor logits, List<Draw> draws, int purpose, int index) {
        requireVector("sample", "token", token, logits.rows());
        requireVectorOrNull("sample", "probability", probability, logits.rows());
        requireDraws("sample", draws, logits.rows());
        try (Arena call = Arena.ofConfined()) {
            kernels.sample(
                    ids("sample", "token", token), denseOrNull("sample", "probability", probability), rows("sample", "logits", logits),
                    DType.F32.code(), stride(logits), structs(draws, call), purpose, index, logits.rows(), logits.columns());
        }
    }

    private static void requireDraws(String operation, List<Draw> draws, long sequences) {
        require(draws.size() == sequences, operation, draws.size() + " draws for " + sequences + " sequences");
    }

    private static MemorySegment structs(List<Draw> draws, Arena arena) {
        MemorySegment structs = Kernels.draws(arena, draws.size());
        for (int i = 0; i < draws.size(); i++) {
            Draw d = draws.get(i);
            Kernels.setDraw(structs, i, d.seed(), d.position(), d.sequence(), d.temperature(), d.topK(), d.topP());
        }
        return structs;
    }

    @Override
    public void verify(
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
        long b = draftLengths.rows();
        long g = b == 0 ? 0 : draftTokens.size() / b;
        require(draftTokens.size() == b * g, "verify", "draft tokens are " + draftTokens + " for " + b + " sequences");
        requireTargetRows(targetLogits, firstRows, draftLengths, g, vocabulary);
        requireVector("verify", "accepted", accepted, b);
        requireVector("verify", "next", next, b);
        requireDraws("verify", draws, b);
        boolean readsDraft = g > 0 && !oneHotDraft && !draws.stream().allMatch(Draw::isGreedy);
        if (readsDraft) {
            require(draftLogits != null, "verify", "the draft's logits are missing; only a one-hot draft has none");
            require(
                    draftLogits.rows() == b * g && draftLogits.columns() >= vocabulary, "verify",
                    "draft logits are " + draftLogits + " for " + b + " drafts of " + g + " and a vocabulary of " + vocabulary);
        }
        try (Arena call = Arena.ofConfined()) {
            kernels.verify(
                    ids("verify", "accepted", accepted), ids("verify", "next", next), MemorySegment.NULL,
                    rows("verify", "target logits", targetLogits), DType.F32.code(), stride(targetLogits),
                    firstRows == null ? MemorySegment.NULL : ids("verify", "firstRows", firstRows),
                    readsDraft ? rows("verify", "draft logits", draftLogits) : MemorySegment.NULL, readsDraft ? stride(draftLogits) : 0,
                    ids("verify", "draftTokens", draftTokens), ids("verify", "draftLengths", draftLengths), structs(draws, call), verification.code(),
                    oneHotDraft, b, g, vocabulary);
        }
    }

    private static void requireTargetRows(Tensor targetLogits, Tensor firstRows, Tensor draftLengths, long g, long vocabulary) {
        long b = draftLengths.rows();
        require(
                targetLogits.columns() >= vocabulary && (firstRows != null || targetLogits.rows() == b * (g + 1)), "verify",
                "target logits are " + targetLogits + " for " + b + " drafts of " + g + " and a vocabulary of " + vocabulary);
        if (firstRows != null) {
            requireVector("verify", "firstRows", firstRows, b);
            for (long s = 0; s < b; s++) {
                long first = firstRows.getInt(s);
                require(
                        first >= 0 && first + draftLengths.getInt(s) < targetLogits.rows(), "verify",
                        "sequence " + s + " begins at row " + first + " of target logits " + targetLogits);
            }
        }
    }
}
