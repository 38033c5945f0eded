package adaspec.bench;

import static java.lang.foreign.MemorySegment.NULL;

import adaspec.bench.KernelCase.Work;
import adaspec.bench.KernelMachine.Operand;
import adaspec.device.Kernels;
import adaspec.ops.Divergence;
import adaspec.ops.Philox;
import adaspec.ops.SelectionRule;
import adaspec.ops.Verification;
import adaspec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The operations that take the time of training and decoding, each at one shape, with the bytes and operations that it cannot do without. */
final class KernelCases {
    private static final int F32 = Float.BYTES;
    private static final int BF16 = 2;
    /** Of the rows of logits. */
    private static final double KEPT = 0.4;

    private static final float EPS = 1e-5f;
    private static final int SAMPLED = 16;
    private static final int VERIFIED = 8;
    private static final int DRAFTED = 5;
    private static final int[] LINEAR_ROWS = {1, 4, 8, 64};
    private static final int[] DECODED_ROWS = {1, DRAFTED + 1};

    /** What of a result is looked at. */
    private static final int LOOKED_AT = 64;

    private final KernelShapes s;
    private final List<KernelCase> cases = new ArrayList<>();

    private KernelCases(KernelShapes shapes) {
        this.s = shapes;
    }

    /** What a case does with its operands. */
    private interface Maker {
        Work make(Kernels k, KernelOperands make);
    }

    static List<KernelCase> of(KernelShapes shapes) {
        var all = new KernelCases(shapes);
        all.losses();
        all.decoding();
        all.linear();
        all.norms();
        all.elementwise();
        all.attention();
        all.rows();
        all.optimizer();
        return all.cases;
    }

    private void add(String name, String shape, double read, double written, double operations, Maker maker) {
        cases.add(new KernelCase(name, shape, read, written, operations, (kernels, memory) -> maker.make(kernels, new KernelOperands(memory))));
    }

    /** @param count of f32 numbers in the result */
    private static Work work(Operand result, long count, Runnable run) {
        return new Work(run, result, (int) Math.min(LOOKED_AT, count), true);
    }

    /** @param words of the result, which are no f32 */
    private static Work wordWork(Operand result, int words, Runnable run) {
        return new Work(run, result, words, false);
    }

    private void losses() {
        long n = s.rows();
        long v = s.vocabulary();
        double logits = (double) n * v * F32;
        distill(Divergence.KL_DIV, DType.F32);
        distill(Divergence.LK_HYBRID, DType.F32);
        distill(Divergence.KL_DIV, DType.BF16);
        add("cross_entropy_forward", n + " x " + v, logits, 2.0 * n * F32, 0, (k, make) -> {
            Operand x = make.logits(n, v, 1);
            Operand ids = make.ids(n, s.vocabulary());
            Operand loss = make.zeros(n);
            Operand lse = make.zeros(n);
            return work(loss, n, () -> k.crossEntropyForward(loss.segment(), lse.segment(), x.segment(), v, ids.segment(), n, v));
        });
        add("cross_entropy_backward", n + " x " + v, logits, logits, 0, (k, make) -> {
            Operand x = make.logits(n, v, 1);
            Operand ids = make.ids(n, s.vocabulary());
            Operand lse = make.zeros(n);
            Operand gradient = make.zeros(n * v);
            k.crossEntropyForward(make.zeros(n).segment(), lse.segment(), x.segment(), v, ids.segment(), n, v);
            return work(gradient, v, () -> k.crossEntropyBackward(
                    gradient.segment(), v, x.segment(), v, lse.segment(), ids.segment(), 1f / n, n, v));
        });
        long gaps = 256L * n;
        for (SelectionRule rule : SelectionRule.values()) {
            add("select " + word(rule), gaps + " gaps, 0.4 kept", gaps * (double) F32, KEPT * gaps * Integer.BYTES, 0, (k, make) -> {
                Operand gap = make.normal(gaps);
                Operand rows = make.zeros(gaps);
                Operand kept = make.zeros(1);
                Operand scratch = make.zeros(gaps);
                return wordWork(kept, 1, () -> k.select(rows.segment(), kept.segment(), gap.segment(), KEPT, rule.code(), scratch.segment(), gaps));
            });
        }
    }

    private void distill(Divergence loss, DType type) {
        long n = s.rows();
        long v = s.vocabulary();
        double logits = (double) n * v * type.bytes();
        String shape = n + " x " + v + ", " + word(type);
        add("distill_forward " + word(loss), shape, 3 * logits, 9.0 * n * F32, 0, (k, make) -> {
            var laws = laws(make, type, n, v);
            return work(laws.loss, n, () -> laws.forward(k, loss, n, v));
        });
        long kept = Math.max(1, Math.round(KEPT * n));
        double keptLogits = (double) kept * v * type.bytes();
        add("distill_backward " + word(loss), kept + " of " + shape, 2 * keptLogits, keptLogits, 0, (k, make) -> {
            var laws = laws(make, type, n, v);
            Operand rows = make.steps(kept, 0, (int) Math.max(1, n / kept));
            Operand gradient = make.zeros(kept * v);
            laws.forward(k, loss, n, v);
            return work(gradient, v / 2, () -> k.distillBackward(
                    gradient.segment(), v, laws.target.segment(), v, laws.draft.segment(), v, type.code(), laws.targetLse.segment(),
                    laws.draftLse.segment(), laws.meanSlope.segment(), laws.acceptance.segment(), rows.segment(), loss.code(), 1f / n, kept, v));
        });
        add("distill_forward_backward " + word(loss), shape, 2 * logits, logits + 5.0 * n * F32, 0, (k, make) -> {
            var laws = laws(make, type, n, v);
            Operand gradient = make.zeros(n * v);
            return work(gradient, v / 2, () -> k.distillForwardBackward(
                    gradient.segment(), v, laws.loss.segment(), laws.klDraft.segment(), laws.acceptance.segment(), laws.targetLse.segment(),
                    laws.draftLse.segment(), laws.target.segment(), v, laws.draft.segment(), v, type.code(), loss.code(), 1f / n, n, v));
        });
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** Three laws of a row, and what the forward says of them. */
    private record Laws(
            DType type, Operand target, Operand draft, Operand reference, Operand loss, Operand meanSlope, Operand klDraft, Operand klRef,
            Operand gap, Operand acceptance, Operand entropy, Operand targetLse, Operand draftLse) {
        void forward(Kernels k, Divergence kind, long n, long v) {
            k.distillForward(
                    loss.segment(), meanSlope.segment(), klDraft.segment(), klRef.segment(), gap.segment(), acceptance.segment(), entropy.segment(),
                    targetLse.segment(), draftLse.segment(), target.segment(), v, draft.segment(), v, reference.segment(), v, type.code(),
                    kind.code(), n, v);
        }
    }

    private static Laws laws(KernelOperands make, DType type, long n, long v) {
        return new Laws(
                type, make.logits(type, n, v, 1), make.logits(type, n, v, 2), make.logits(type, n, v, 3), make.zeros(n), make.zeros(n), make.zeros(n),
                make.zeros(n), make.zeros(n), make.zeros(n), make.zeros(n), make.zeros(n), make.zeros(n));
    }

    private void decoding() {
        long v = s.vocabulary();
        sample("greedy", 0, 0, 1);
        sample("temperature", 0.8f, 0, 1);
        sample("top-k 50, top-p 0.9", 0.8f, 50, 0.9f);
        // Row i of the draft has the law of row i of the target, so that every token is accepted and all rows are read.
        long drafts = VERIFIED * (long) DRAFTED;
        long targets = drafts + 1;
        double read = (double) (targets + drafts) * v * F32;
        for (Verification verification : Verification.values()) {
            add("verify " + word(verification), VERIFIED + " x " + DRAFTED + " x " + v, read,
                    2.0 * VERIFIED * F32, 0, (k, make) -> {
                        Operand target = make.logits(targets, v, 1);
                        // The row after a sequence's last token is the next one's first.
                        Operand first = make.steps(VERIFIED, 0, DRAFTED);
                        Operand draft = make.logits(drafts, v, 1);
                        Operand tokens = make.constantIds(drafts, 0);
                        Operand lengths = make.constantIds(VERIFIED, DRAFTED);
                        Operand draws = make.draws(VERIFIED, 0.8f, 0, 1);
                        Operand accepted = make.zeros(VERIFIED);
                        Operand next = make.zeros(VERIFIED);
                        return wordWork(accepted, VERIFIED, () -> k.verify(
                                accepted.segment(), next.segment(), NULL, target.segment(), DType.F32.code(), v, first.segment(), draft.segment(), v,
                                tokens.segment(), lengths.segment(), draws.segment(), verification.code(), false, VERIFIED, DRAFTED, v));
                    });
        }
    }

    private void sample(String warp, float temperature, int topK, float topP) {
        long v = s.vocabulary();
        add("sample " + warp, SAMPLED + " x " + v, (double) SAMPLED * v * F32, 2.0 * SAMPLED * F32, 0, (k, make) -> {
            Operand logits = make.logits(SAMPLED, v, 1);
            Operand draws = make.draws(SAMPLED, temperature, topK, topP);
            Operand token = make.zeros(SAMPLED);
            Operand probability = make.zeros(SAMPLED);
            return work(probability, SAMPLED, () -> k.sample(
                    token.segment(), probability.segment(), logits.segment(), DType.F32.code(), v, draws.segment(), Philox.NEXT, 0, SAMPLED, v));
        });
    }

    private void linear() {
        long in = s.hidden();
        long out = 4L * s.hidden();
        for (int m : LINEAR_ROWS) {
            add("linear_rows", m + " x " + in + " by " + out + ", bf16", (double) in * out * BF16 + m * in * F32, (double) m * out * F32,
                    2.0 * m * in * out, (k, make) -> {
                        Operand weight = make.normalBf16(in * out, 0.02);
                        Operand x = make.normal(m * in);
                        Operand y = make.zeros(m * out);
                        return work(y, m * out, () -> k.linearRows(
                                y.segment(), out, x.segment(), in, weight.segment(), DType.BF16.code(), in, NULL, m, out, in));
                    });
        }
    }

    private void norms() {
        long n = s.tokens();
        long c = s.hidden();
        String shape = n + " x " + c;
        double bytes = (double) n * c * F32;
        add("layernorm_forward", shape, bytes, bytes, 0, (k, make) -> {
            Operand x = make.normal(n * c);
            Operand out = make.zeros(n * c);
            Operand mean = make.zeros(n);
            Operand rstd = make.zeros(n);
            Operand gain = make.ones(c);
            Operand bias = make.zeros(c);
            return work(out, c, () -> k.layernormForward(
                    out.segment(), mean.segment(), rstd.segment(), x.segment(), gain.segment(), bias.segment(), EPS, n, c));
        });
        add("layernorm_backward", shape, 3 * bytes, bytes, 0, (k, make) -> {
            Operand x = make.normal(n * c);
            Operand dOut = make.normal(n * c);
            Operand dx = make.zeros(n * c);
            Operand gain = make.ones(c);
            Operand dGain = make.zeros(c);
            Operand dBias = make.zeros(c);
            Operand mean = make.zeros(n);
            Operand rstd = make.ones(n);
            return work(dx, c, () -> k.layernormBackward(
                    dx.segment(), dGain.segment(), dBias.segment(), dOut.segment(), x.segment(), mean.segment(), rstd.segment(), gain.segment(), n,
                    c));
        });
        add("add_layernorm_forward", shape, 2 * bytes, 2 * bytes, 0, (k, make) -> {
            Operand x = make.normal(n * c);
            Operand residual = make.normal(n * c);
            Operand sum = make.zeros(n * c);
            Operand out = make.zeros(n * c);
            Operand mean = make.zeros(n);
            Operand rstd = make.zeros(n);
            Operand gain = make.ones(c);
            Operand bias = make.zeros(c);
            return work(out, c, () -> k.addLayernormForward(
                    out.segment(), sum.segment(), mean.segment(), rstd.segment(), x.segment(), residual.segment(), gain.segment(), bias.segment(),
                    EPS, n, c));
        });
        add("add_rmsnorm_forward", shape, 2 * bytes, 2 * bytes, 0, (k, make) -> {
            Operand x = make.normal(n * c);
            Operand residual = make.normal(n * c);
            Operand sum = make.zeros(n * c);
            Operand out = make.zeros(n * c);
            Operand rstd = make.zeros(n);
            Operand gain = make.ones(c);
            return work(out, c, () -> k.addRmsnormForward(
                    out.segment(), sum.segment(), rstd.segment(), x.segment(), residual.segment(), gain.segment(), EPS, n, c));
        });
        add("rmsnorm_forward", shape, bytes, bytes, 0, (k, make) -> {
            Operand x = make.normal(n * c);
            Operand out = make.zeros(n * c);
            Operand rstd = make.zeros(n);
            Operand gain = make.ones(c);
            return work(out, c, () -> k.rmsnormForward(out.segment(), rstd.segment(), x.segment(), gain.segment(), EPS, n, c));
        });
        add("rmsnorm_backward", shape, 3 * bytes, bytes, 0, (k, make) -> {
            Operand x = make.normal(n * c);
            Operand dOut = make.normal(n * c);
            Operand dx = make.zeros(n * c);
            Operand gain = make.ones(c);
            Operand dGain = make.zeros(c);
            Operand rstd = make.ones(n);
            return work(dx, c, () -> k.rmsnormBackward(
                    dx.segment(), dGain.segment(), dOut.segment(), x.segment(), rstd.segment(), gain.segment(), n, c));
        });
    }

    private void elementwise() {
        long rows = s.tokens();
        long c = s.hidden();
        long n = rows * c;
        double bytes = (double) n * F32;
        String shape = rows + " x " + c;
        add("gelu_forward", shape, bytes, bytes, 0, (k, make) -> {
            Operand x = make.normal(n);
            Operand out = make.zeros(n);
            return work(out, n, () -> k.geluForward(out.segment(), x.segment(), false, n));
        });
        add("gelu_backward", shape, 2 * bytes, bytes, 0, (k, make) -> {
            Operand x = make.normal(n);
            Operand dOut = make.normal(n);
            Operand dx = make.zeros(n);
            return work(dx, n, () -> k.geluBackward(dx.segment(), dOut.segment(), x.segment(), false, n));
        });
        add("swiglu_forward", shape, 2 * bytes, bytes, 0, (k, make) -> {
            Operand x = make.normal(2 * n);
            Operand out = make.zeros(n);
            return work(out, n, () -> k.swigluForward(out.segment(), x.segment(), rows, c));
        });
        add("swiglu_backward", shape, 3 * bytes, 2 * bytes, 0, (k, make) -> {
            Operand x = make.normal(2 * n);
            Operand dOut = make.normal(n);
            Operand dx = make.zeros(2 * n);
            return work(dx, n, () -> k.swigluBackward(dx.segment(), dOut.segment(), x.segment(), rows, c));
        });
        add("add", shape, 2 * bytes, bytes, 0, (k, make) -> {
            Operand a = make.normal(n);
            Operand b = make.normal(n);
            Operand out = make.zeros(n);
            return work(out, n, () -> k.add(out.segment(), a.segment(), b.segment(), n));
        });
        add("cast f32 to bf16", shape, bytes, bytes / 2, 0, (k, make) -> {
            Operand x = make.normal(n);
            Operand out = make.zeros(n / 2);
            return work(out, n / 2, () -> k.cast(out.segment(), DType.BF16.code(), x.segment(), DType.F32.code(), n));
        });
    }

    private void attention() {
        int sequences = 4;
        long n = (long) sequences * s.rows();
        long width = (long) s.queryHeads() * s.headDim();
        float scale = (float) (1 / Math.sqrt(s.headDim()));
        String heads = s.queryHeads() + " over " + s.keyHeads() + " heads of " + s.headDim();
        // A product for scores and one for values of every pair of positions; the backward has five.
        double product = 2.0 * sequences * s.rows() * (s.rows() + 1) / 2 * width;
        double qkvBytes = (double) n * s.rowWidth() * F32;
        double outBytes = (double) n * width * F32;
        MemorySegment layout = KernelOperands.layout(s);
        add("attention_forward", sequences + " x " + s.rows() + ", " + heads, qkvBytes, outBytes, 2 * product, (k, make) -> {
            Operand qkv = make.normal(n * s.rowWidth());
            Operand starts = make.steps(sequences + 1L, 0, s.rows());
            Operand out = make.zeros(n * width);
            Operand lse = make.zeros(n * s.queryHeads());
            return work(out, width, () -> k.attentionForward(
                    out.segment(), lse.segment(), qkv.segment(), layout, starts.segment(), sequences, scale, n));
        });
        add("attention_backward", sequences + " x " + s.rows() + ", " + heads, qkvBytes + 2 * outBytes, qkvBytes, 5 * product, (k, make) -> {
            Operand qkv = make.normal(n * s.rowWidth());
            Operand starts = make.steps(sequences + 1L, 0, s.rows());
            Operand out = make.zeros(n * width);
            Operand lse = make.zeros(n * s.queryHeads());
            Operand dOut = make.normal(n * width);
            Operand dQkv = make.zeros(n * s.rowWidth());
            k.attentionForward(out.segment(), lse.segment(), qkv.segment(), layout, starts.segment(), sequences, scale, n);
            return work(dQkv, s.rowWidth(), () -> k.attentionBackward(
                    dQkv.segment(), dOut.segment(), out.segment(), lse.segment(), qkv.segment(), layout, starts.segment(), sequences, scale, n));
        });
        long cache = (long) s.context() + DRAFTED + 1;
        for (int m : DECODED_ROWS) {
            double read = 2.0 * (s.context() + m) * s.keyHeads() * s.headDim() * F32 + (double) m * width * F32;
            add("attention_decode", m + " after " + s.context() + ", " + heads, read, (double) m * width * F32, 4.0 * m * s.context() * width,
                    (k, make) -> {
                        Operand qkv = make.normal((long) m * s.rowWidth());
                        Operand keys = make.normal(s.keyHeads() * cache * s.headDim());
                        Operand values = make.normal(s.keyHeads() * cache * s.headDim());
                        Operand out = make.zeros(m * width);
                        return work(out, width, () -> k.attentionDecode(
                                out.segment(), qkv.segment(), layout, keys.segment(), values.segment(), s.context(), cache, scale, m));
                    });
        }
        int m = DRAFTED + 1;
        long slot = s.keyHeads() * cache * s.headDim();
        double read = VERIFIED * (2.0 * (s.context() + m) * s.keyHeads() * s.headDim() + (double) m * width) * F32;
        add("attention_decode_batch", VERIFIED + " x " + m + " after " + s.context() + ", " + heads, read, (double) VERIFIED * m * width * F32,
                VERIFIED * 4.0 * m * s.context() * width, (k, make) -> {
                    Operand qkv = make.normal((long) VERIFIED * m * s.rowWidth());
                    Operand keys = make.normal(VERIFIED * slot);
                    Operand values = make.normal(VERIFIED * slot);
                    Operand starts = make.steps(VERIFIED + 1L, 0, m);
                    Operand positions = make.constantIds(VERIFIED, s.context());
                    Operand out = make.zeros(VERIFIED * m * width);
                    return work(out, width, () -> k.attentionDecodeBatch(
                            out.segment(), qkv.segment(), layout, keys.segment(), values.segment(), starts.segment(), positions.segment(), NULL,
                            VERIFIED, slot, cache, scale, (long) VERIFIED * m));
                });
        long rows = s.tokens();
        int rotary = s.headDim();
        double turned = (double) rows * (s.queryHeads() + s.keyHeads()) * rotary * F32;
        add("rotary", rows + " tokens, " + heads, turned, turned, 0, (k, make) -> {
            Operand qkv = make.normal(rows * s.rowWidth());
            Operand positions = make.ids(rows, s.rows());
            Operand table = make.rotaryTable(s.rows(), rotary);
            return work(qkv, s.rowWidth(), () -> k.rotary(
                    qkv.segment(), layout, positions.segment(), table.segment(), s.rows(), rotary, false, false, rows));
        });
    }

    private void rows() {
        long n = s.tokens();
        long c = s.hidden() / 4L;
        long v = s.vocabulary();
        double bytes = (double) n * c * F32;
        add("embedding_forward", n + " of " + v + " x " + c + ", bf16", bytes / 2, bytes, 0, (k, make) -> {
            Operand table = make.normalBf16(v * c, 0.02);
            Operand ids = make.ids(n, s.vocabulary());
            Operand out = make.zeros(n * c);
            return work(out, c, () -> k.embeddingForward(out.segment(), table.segment(), DType.BF16.code(), ids.segment(), n, c, v));
        });
        add("embedding_backward", n + " of " + v + " x " + c, 2 * bytes, bytes, 0, (k, make) -> {
            Operand gradient = make.ones(v * c);
            Operand ids = make.ids(n, s.vocabulary());
            Operand dOut = make.normal(n * c);
            return work(gradient, c, () -> k.embeddingBackward(gradient.segment(), dOut.segment(), ids.segment(), n, c, v));
        });
        long wide = s.hidden();
        long kept = Math.max(1, n / 2);
        double keptBytes = (double) kept * wide * F32;
        add("gather_rows", kept + " of " + n + " x " + wide, keptBytes, keptBytes, 0, (k, make) -> {
            Operand x = make.normal(n * wide);
            Operand rows = make.steps(kept, 0, 2);
            Operand out = make.zeros(kept * wide);
            return work(out, wide, () -> k.gatherRows(out.segment(), x.segment(), wide, rows.segment(), kept, wide));
        });
        add("scatter_add_rows", kept + " of " + n + " x " + wide, 2 * keptBytes, keptBytes, 0, (k, make) -> {
            Operand x = make.normal(n * wide);
            Operand rows = make.steps(kept, 0, 2);
            Operand d = make.normal(kept * wide);
            return work(x, wide, () -> k.scatterAddRows(x.segment(), wide, d.segment(), rows.segment(), kept, wide));
        });
    }

    private void optimizer() {
        long n = (long) s.hidden() * s.hidden();
        double bytes = (double) n * F32;
        add("sum_of_squares", n + " numbers", bytes, Double.BYTES, 0, (k, make) -> {
            Operand x = make.normal(n);
            Operand sum = make.zeros(2);
            return wordWork(sum, 2, () -> k.sumOfSquares(sum.segment(), x.segment(), n));
        });
        add("adamw", n + " parameters", 4 * bytes, 3 * bytes, 0, (k, make) -> {
            Operand parameter = make.normal(n);
            Operand gradient = make.normal(n);
            Operand m = make.zeros(n);
            Operand v = make.zeros(n);
            return work(parameter, n, () -> k.adamw(
                    parameter.segment(), gradient.segment(), m.segment(), v.segment(), 1, 1e-4f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, n));
        });
    }
}
