package adaspec.device;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * The operations of the C ABI, one method each, in the order of {@code cuda/include/adaspec.h}: there stand shapes and meanings.
 *
 * <p>Segments are passed as addresses without a check of their length: whoever calls has compared the shapes. A status other than success becomes an
 * exception with the native sentence: {@link IllegalArgumentException} for arguments, {@link DeviceException} else.
 */
public final class Kernels {
    private static final MethodHandle RUN = run();

    private final SymbolLookup library;
    /** What is computed from a file that was cut off is an error. */
    private final MappedFiles files;
    /** Run before each call; null: nothing is. */
    private final MethodHandle before;

    private final MemorySegment stream;
    private final MethodHandle lastError;
    private final MethodHandle backend;
    private final MethodHandle setThreads;
    private final MethodHandle embeddingForward;
    private final MethodHandle embeddingBackward;
    private final MethodHandle layernormForward;
    private final MethodHandle layernormBackward;
    private final MethodHandle addLayernormForward;
    private final MethodHandle rmsnormForward;
    private final MethodHandle rmsnormBackward;
    private final MethodHandle addRmsnormForward;
    private final MethodHandle linearRows;
    private final MethodHandle biasAdd;
    private final MethodHandle columnSum;
    private final MethodHandle rotary;
    private final MethodHandle attentionForward;
    private final MethodHandle attentionBackward;
    private final MethodHandle cacheAppend;
    private final MethodHandle attentionDecode;
    private final MethodHandle cacheAppendBatch;
    private final MethodHandle attentionDecodeBatch;
    private final MethodHandle geluForward;
    private final MethodHandle geluBackward;
    private final MethodHandle swigluForward;
    private final MethodHandle swigluBackward;
    private final MethodHandle add;
    private final MethodHandle cast;
    private final MethodHandle gatherRows;
    private final MethodHandle scatterAddRows;
    private final MethodHandle distillForward;
    private final MethodHandle distillBackward;
    private final MethodHandle distillForwardBackward;
    private final MethodHandle crossEntropyForward;
    private final MethodHandle crossEntropyBackward;
    private final MethodHandle select;
    private final MethodHandle sumOfSquares;
    private final MethodHandle adamw;
    private final MethodHandle sample;
    private final MethodHandle verify;

    /** The processor's operations. */
    Kernels(SymbolLookup library) {
        this(library, MappedFiles.UNWATCHED);
    }

    /** The same, which may read {@code files}. */
    Kernels(SymbolLookup library, MappedFiles files) {
        this(library, files, MemorySegment.NULL, null);
    }

    /**
     * @param stream that operations are put on: a cudaStream_t
     * @param before run on the calling thread before each call, since which device is current belongs to a thread; may be null
     */
    Kernels(SymbolLookup library, MemorySegment stream, Runnable before) {
        this(library, MappedFiles.UNWATCHED, stream, before);
    }

    private Kernels(SymbolLookup library, MappedFiles files, MemorySegment stream, Runnable before) {
        this.library = library;
        this.files = files;
        this.stream = stream;
        this.before = before == null ? null : RUN.bindTo(before);
        lastError = bind("last_error");
        backend = bind("backend");
        setThreads = bind("set_threads");
        embeddingForward = bind("embedding_forward");
        embeddingBackward = bind("embedding_backward");
        layernormForward = bind("layernorm_forward");
        layernormBackward = bind("layernorm_backward");
        addLayernormForward = bind("add_layernorm_forward");
        rmsnormForward = bind("rmsnorm_forward");
        rmsnormBackward = bind("rmsnorm_backward");
        addRmsnormForward = bind("add_rmsnorm_forward");
        linearRows = bind("linear_rows");
        biasAdd = bind("bias_add");
        columnSum = bind("column_sum");
        rotary = bind("rotary");
        attentionForward = bind("attention_forward");
        attentionBackward = bind("attention_backward");
        cacheAppend = bind("cache_append");
        attentionDecode = bind("attention_decode");
        cacheAppendBatch = bind("cache_append_batch");
        attentionDecodeBatch = bind("attention_decode_batch");
        geluForward = bind("gelu_forward");
        geluBackward = bind("gelu_backward");
        swigluForward = bind("swiglu_forward");
        swigluBackward = bind("swiglu_backward");
        add = bind("add");
        cast = bind("cast");
        gatherRows = bind("gather_rows");
        scatterAddRows = bind("scatter_add_rows");
        distillForward = bind("distill_forward");
        distillBackward = bind("distill_backward");
        distillForwardBackward = bind("distill_forward_backward");
        crossEntropyForward = bind("cross_entropy_forward");
        crossEntropyBackward = bind("cross_entropy_backward");
        select = bind("select");
        sumOfSquares = bind("sum_of_squares");
        adamw = bind("adamw");
        sample = bind("sample");
        verify = bind("verify");
    }

    private MethodHandle bind(String name) {
        MemorySegment symbol = library.find("adaspec_" + name)
                .orElseThrow(() -> new LinkageError("the native library lacks adaspec_" + name + "; it is of another version than this jar"));
        MethodHandle call = Linker.nativeLinker().downcallHandle(symbol, Abi.FUNCTIONS.get(name));
        return before == null ? call : MethodHandles.foldArguments(call, before);
    }

    private static MethodHandle run() {
        try {
            return MethodHandles.lookup().findVirtual(Runnable.class, "run", MethodType.methodType(void.class));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("every Runnable has run", e);
        }
    }

    /** What the native library runs on: {@code cpu avx512}, {@code cpu avx2}, {@code cpu baseline}, {@code cuda sm_90}. */
    public String backend() {
        return text(backend);
    }

    /** The calling thread's last native error. */
    String lastError() {
        return text(lastError);
    }

    private static String text(MethodHandle function) {
        try {
            return ((MemorySegment) function.invokeExact()).reinterpret(Long.MAX_VALUE).getString(0);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    private void check(int status) {
        files.requireWhole();
        if (status == Abi.INVALID_ARGUMENT) {
            throw new IllegalArgumentException(lastError());
        }
        if (status != Abi.OK) {
            throw new DeviceException(lastError());
        }
    }

    /** A downcall throws nothing of its own: an exception means that the arguments do not fit the table, or that a segment is of the Java heap. */
    static RuntimeException impossible(Throwable e) {
        if (e instanceof RuntimeException unchecked) {
            return unchecked;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("a native call threw", e);
    }

    /** A native struct adaspec_head_layout with these fields, in the header's order; it lives as long as {@code arena}. */
    public static MemorySegment headLayout(Arena arena, int... fields) {
        if (fields.length * (long) Integer.BYTES != Abi.HEAD_LAYOUT.byteSize()) {
            throw new IllegalArgumentException("a head layout has " + Abi.HEAD_LAYOUT.memberLayouts().size() + " fields, not " + fields.length);
        }
        return arena.allocateFrom(ValueLayout.JAVA_INT, fields);
    }

    /** Room for {@code count} native {@code adaspec_draw}, filled by {@link #setDraw}. */
    public static MemorySegment draws(Arena arena, int count) {
        return arena.allocate(Abi.DRAW, count);
    }

    /** Writes struct {@code index} of {@code draws}. */
    public static void setDraw(
            MemorySegment draws, int index, long seed, long position, int sequence, float temperature, int topK, float topP) {
        long at = index * Abi.DRAW.byteSize();
        draws.set(ValueLayout.JAVA_LONG, at, seed);
        draws.set(ValueLayout.JAVA_LONG, at + 8, position);
        draws.set(ValueLayout.JAVA_INT, at + 16, sequence);
        draws.set(ValueLayout.JAVA_FLOAT, at + 20, temperature);
        draws.set(ValueLayout.JAVA_INT, at + 24, topK);
        draws.set(ValueLayout.JAVA_FLOAT, at + 28, topP);
    }

    /** Threads of every later operation in this process, at least 1. */
    public void setThreads(int threads) {
        try {
            check((int) setThreads.invokeExact(threads));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ embedding and norms

    public void embeddingForward(MemorySegment out, MemorySegment table, int tableType, MemorySegment ids, long n, long c, long v) {
        try {
            check((int) embeddingForward.invokeExact(out, table, tableType, ids, n, c, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void embeddingBackward(MemorySegment dTable, MemorySegment dOut, MemorySegment ids, long n, long c, long v) {
        try {
            check((int) embeddingBackward.invokeExact(dTable, dOut, ids, n, c, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void layernormForward(
            MemorySegment out, MemorySegment mean, MemorySegment rstd, MemorySegment x, MemorySegment gain, MemorySegment bias, float eps, long n,
            long c) {
        try {
            check((int) layernormForward.invokeExact(out, mean, rstd, x, gain, bias, eps, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void layernormBackward(
            MemorySegment dx,
            MemorySegment dGain,
            MemorySegment dBias,
            MemorySegment dOut,
            MemorySegment x,
            MemorySegment mean,
            MemorySegment rstd,
            MemorySegment gain,
            long n,
            long c) {
        try {
            check((int) layernormBackward.invokeExact(dx, dGain, dBias, dOut, x, mean, rstd, gain, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** {@code sum} may be {@code x} or {@code residual}. */
    public void addLayernormForward(
            MemorySegment out,
            MemorySegment sum,
            MemorySegment mean,
            MemorySegment rstd,
            MemorySegment x,
            MemorySegment residual,
            MemorySegment gain,
            MemorySegment bias,
            float eps,
            long n,
            long c) {
        try {
            check((int) addLayernormForward.invokeExact(out, sum, mean, rstd, x, residual, gain, bias, eps, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void rmsnormForward(MemorySegment out, MemorySegment rstd, MemorySegment x, MemorySegment gain, float eps, long n, long c) {
        try {
            check((int) rmsnormForward.invokeExact(out, rstd, x, gain, eps, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void rmsnormBackward(
            MemorySegment dx, MemorySegment dGain, MemorySegment dOut, MemorySegment x, MemorySegment rstd, MemorySegment gain, long n, long c) {
        try {
            check((int) rmsnormBackward.invokeExact(dx, dGain, dOut, x, rstd, gain, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** {@code sum} may be {@code x} or {@code residual}. */
    public void addRmsnormForward(
            MemorySegment out, MemorySegment sum, MemorySegment rstd, MemorySegment x, MemorySegment residual, MemorySegment gain, float eps, long n,
            long c) {
        try {
            check((int) addRmsnormForward.invokeExact(out, sum, rstd, x, residual, gain, eps, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ linear maps

    /** {@code bias} may be {@link MemorySegment#NULL}. */
    public void linearRows(
            MemorySegment out,
            long ldOut,
            MemorySegment x,
            long ldX,
            MemorySegment weight,
            int weightType,
            long ldWeight,
            MemorySegment bias,
            long m,
            long n,
            long k) {
        try {
            check((int) linearRows.invokeExact(out, ldOut, x, ldX, weight, weightType, ldWeight, bias, m, n, k, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void biasAdd(MemorySegment out, long ldOut, MemorySegment bias, long n, long c) {
        try {
            check((int) biasAdd.invokeExact(out, ldOut, bias, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void columnSum(MemorySegment sum, MemorySegment x, long ldX, long n, long c) {
        try {
            check((int) columnSum.invokeExact(sum, x, ldX, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ rotary and attention

    /** {@code layout}: a native struct of nine i32 ({@link #headLayout}). */
    public void rotary(
            MemorySegment qkv, MemorySegment layout, MemorySegment positions, MemorySegment table, long tableRows, int rotated,
            boolean interleaved, boolean inverse, long n) {
        try {
            check((int) rotary.invokeExact(
                    qkv, layout, positions, table, tableRows, rotated, interleaved ? 1 : 0, inverse ? 1 : 0, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void attentionForward(
            MemorySegment out, MemorySegment lse, MemorySegment qkv, MemorySegment layout, MemorySegment starts, long sequences, float scale,
            long n) {
        try {
            check((int) attentionForward.invokeExact(out, lse, qkv, layout, starts, sequences, scale, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void attentionBackward(
            MemorySegment dQkv,
            MemorySegment dOut,
            MemorySegment out,
            MemorySegment lse,
            MemorySegment qkv,
            MemorySegment layout,
            MemorySegment starts,
            long sequences,
            float scale,
            long n) {
        try {
            check((int) attentionBackward.invokeExact(dQkv, dOut, out, lse, qkv, layout, starts, sequences, scale, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void cacheAppend(
            MemorySegment keys, MemorySegment values, MemorySegment qkv, MemorySegment layout, long position, long capacity, long m) {
        try {
            check((int) cacheAppend.invokeExact(keys, values, qkv, layout, position, capacity, m, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void attentionDecode(
            MemorySegment out,
            MemorySegment qkv,
            MemorySegment layout,
            MemorySegment keys,
            MemorySegment values,
            long position,
            long capacity,
            float scale,
            long m) {
        try {
            check((int) attentionDecode.invokeExact(out, qkv, layout, keys, values, position, capacity, scale, m, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** {@code slots} may be {@link MemorySegment#NULL}: every sequence has the slot of its number. */
    public void cacheAppendBatch(
            MemorySegment keys,
            MemorySegment values,
            MemorySegment qkv,
            MemorySegment layout,
            MemorySegment starts,
            MemorySegment positions,
            MemorySegment slots,
            long sequences,
            long slotStride,
            long capacity,
            long m) {
        try {
            check((int) cacheAppendBatch.invokeExact(
                    keys, values, qkv, layout, starts, positions, slots, sequences, slotStride, capacity, m, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** {@code slots} as in {@link #cacheAppendBatch}. */
    public void attentionDecodeBatch(
            MemorySegment out,
            MemorySegment qkv,
            MemorySegment layout,
            MemorySegment keys,
            MemorySegment values,
            MemorySegment starts,
            MemorySegment positions,
            MemorySegment slots,
            long sequences,
            long slotStride,
            long capacity,
            float scale,
            long m) {
        try {
            check((int) attentionDecodeBatch.invokeExact(
                    out, qkv, layout, keys, values, starts, positions, slots, sequences, slotStride, capacity, scale, m, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ elementwise and rows

    public void geluForward(MemorySegment out, MemorySegment x, boolean tanhForm, long n) {
        try {
            check((int) geluForward.invokeExact(out, x, tanhForm ? 1 : 0, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void geluBackward(MemorySegment dx, MemorySegment dOut, MemorySegment x, boolean tanhForm, long n) {
        try {
            check((int) geluBackward.invokeExact(dx, dOut, x, tanhForm ? 1 : 0, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void swigluForward(MemorySegment out, MemorySegment x, long n, long c) {
        try {
            check((int) swigluForward.invokeExact(out, x, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void swigluBackward(MemorySegment dx, MemorySegment dOut, MemorySegment x, long n, long c) {
        try {
            check((int) swigluBackward.invokeExact(dx, dOut, x, n, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void add(MemorySegment out, MemorySegment a, MemorySegment b, long n) {
        try {
            check((int) add.invokeExact(out, a, b, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void cast(MemorySegment out, int outType, MemorySegment x, int xType, long n) {
        try {
            check((int) cast.invokeExact(out, outType, x, xType, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void gatherRows(MemorySegment out, MemorySegment x, long ldX, MemorySegment rows, long k, long c) {
        try {
            check((int) gatherRows.invokeExact(out, x, ldX, rows, k, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void scatterAddRows(MemorySegment x, long ldX, MemorySegment d, MemorySegment rows, long k, long c) {
        try {
            check((int) scatterAddRows.invokeExact(x, ldX, d, rows, k, c, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ losses over the vocabulary

    /** {@code loss}, {@code meanSlope}, {@code klRef}, {@code gap}, {@code acceptance}, {@code entropy} and {@code reference} may be NULL segments. */
    public void distillForward(
            MemorySegment loss,
            MemorySegment meanSlope,
            MemorySegment klDraft,
            MemorySegment klRef,
            MemorySegment gap,
            MemorySegment acceptance,
            MemorySegment entropy,
            MemorySegment targetLse,
            MemorySegment draftLse,
            MemorySegment target,
            long ldTarget,
            MemorySegment draft,
            long ldDraft,
            MemorySegment reference,
            long ldReference,
            int logitsType,
            int lossKind,
            long n,
            long v) {
        try {
            check((int) distillForward.invokeExact(
                    loss, meanSlope, klDraft, klRef, gap, acceptance, entropy, targetLse, draftLse, target, ldTarget, draft, ldDraft, reference,
                    ldReference, logitsType, lossKind, n, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** {@code rows} may be {@link MemorySegment#NULL}: all rows in order; so may {@code meanSlope} and {@code acceptance} where the loss needs none. */
    public void distillBackward(
            MemorySegment dLogits,
            long ldDLogits,
            MemorySegment target,
            long ldTarget,
            MemorySegment draft,
            long ldDraft,
            int logitsType,
            MemorySegment targetLse,
            MemorySegment draftLse,
            MemorySegment meanSlope,
            MemorySegment acceptance,
            MemorySegment rows,
            int lossKind,
            float scale,
            long k,
            long v) {
        try {
            check((int) distillBackward.invokeExact(
                    dLogits, ldDLogits, target, ldTarget, draft, ldDraft, logitsType, targetLse, draftLse, meanSlope, acceptance, rows, lossKind,
                    scale, k, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** {@code loss}, {@code klDraft}, {@code acceptance}, {@code targetLse} and {@code draftLse} may be NULL segments. */
    public void distillForwardBackward(
            MemorySegment dLogits,
            long ldDLogits,
            MemorySegment loss,
            MemorySegment klDraft,
            MemorySegment acceptance,
            MemorySegment targetLse,
            MemorySegment draftLse,
            MemorySegment target,
            long ldTarget,
            MemorySegment draft,
            long ldDraft,
            int logitsType,
            int lossKind,
            float scale,
            long n,
            long v) {
        try {
            check((int) distillForwardBackward.invokeExact(
                    dLogits, ldDLogits, loss, klDraft, acceptance, targetLse, draftLse, target, ldTarget, draft, ldDraft, logitsType, lossKind, scale,
                    n, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void crossEntropyForward(MemorySegment loss, MemorySegment lse, MemorySegment logits, long ldLogits, MemorySegment targets, long n,
            long v) {
        try {
            check((int) crossEntropyForward.invokeExact(loss, lse, logits, ldLogits, targets, n, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void crossEntropyBackward(
            MemorySegment dLogits,
            long ldDLogits,
            MemorySegment logits,
            long ldLogits,
            MemorySegment lse,
            MemorySegment targets,
            float scale,
            long n,
            long v) {
        try {
            check((int) crossEntropyBackward.invokeExact(dLogits, ldDLogits, logits, ldLogits, lse, targets, scale, n, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** {@code kept}: one i32; {@code scratch}: n floats. */
    public void select(MemorySegment keptRows, MemorySegment kept, MemorySegment gap, double k, int rule, MemorySegment scratch, long n) {
        try {
            check((int) select.invokeExact(keptRows, kept, gap, k, rule, scratch, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ optimiser

    /** {@code sum}: one f64. */
    public void sumOfSquares(MemorySegment sum, MemorySegment x, long n) {
        try {
            check((int) sumOfSquares.invokeExact(sum, x, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    public void adamw(
            MemorySegment param,
            MemorySegment grad,
            MemorySegment m,
            MemorySegment v,
            float gradScale,
            float lr,
            float beta1,
            float beta2,
            float eps,
            float weightDecay,
            long step,
            long n) {
        try {
            check((int) adamw.invokeExact(param, grad, m, v, gradScale, lr, beta1, beta2, eps, weightDecay, step, n, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    // ------------------------------------------------------------------------------------------------ decoding

    /** {@code draws}: native structs ({@link #draws}); {@code probability} may be {@link MemorySegment#NULL}. */
    public void sample(
            MemorySegment token,
            MemorySegment probability,
            MemorySegment logits,
            int logitsType,
            long ldLogits,
            MemorySegment draws,
            int purpose,
            int index,
            long b,
            long v) {
        try {
            check((int) sample.invokeExact(token, probability, logits, logitsType, ldLogits, draws, purpose, index, b, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /**
     * {@code acceptedAt} and {@code firstRows} may be {@link MemorySegment#NULL}, and {@code draft} where the draft is one-hot or every temperature 0.
     */
    public void verify(
            MemorySegment accepted,
            MemorySegment next,
            MemorySegment acceptedAt,
            MemorySegment target,
            int logitsType,
            long ldTarget,
            MemorySegment firstRows,
            MemorySegment draft,
            long ldDraft,
            MemorySegment draftTokens,
            MemorySegment draftLengths,
            MemorySegment draws,
            int verification,
            boolean oneHotDraft,
            long b,
            long g,
            long v) {
        try {
            check((int) verify.invokeExact(
                    accepted, next, acceptedAt, target, logitsType, ldTarget, firstRows, draft, ldDraft, draftTokens, draftLengths, draws, verification,
                    oneHotDraft ? 1 : 0, b, g, v, stream));
        } catch (Throwable e) {
            throw impossible(e);
        }
    }
}
