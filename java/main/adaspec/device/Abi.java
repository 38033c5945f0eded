package adaspec.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The C ABI as Java sees it: every function of {@code cuda/include/adaspec.h} with its types. A test compares the two. */
final class Abi {
    static final int OK = 0;
    static final int INVALID_ARGUMENT = 1;
    static final int DEVICE_ERROR = 2;

    private static final ValueLayout P = ADDRESS;
    private static final ValueLayout I = JAVA_INT;
    private static final ValueLayout L = JAVA_LONG;
    private static final ValueLayout F = JAVA_FLOAT;
    private static final ValueLayout D = JAVA_DOUBLE;

    /** struct adaspec_head_layout: the fields of {@code HeadLayout} in their order. */
    static final StructLayout HEAD_LAYOUT = MemoryLayout.structLayout(
            JAVA_INT.withName("query_heads"),
            JAVA_INT.withName("kv_heads"),
            JAVA_INT.withName("head_dim"),
            JAVA_INT.withName("query_offset"),
            JAVA_INT.withName("key_offset"),
            JAVA_INT.withName("value_offset"),
            JAVA_INT.withName("query_head_stride"),
            JAVA_INT.withName("kv_head_stride"),
            JAVA_INT.withName("row_width"));

    /** struct adaspec_draw: the fields of {@code Draw} in their order. */
    static final StructLayout DRAW = MemoryLayout.structLayout(
            JAVA_LONG.withName("seed"),
            JAVA_LONG.withName("position"),
            JAVA_INT.withName("sequence"),
            JAVA_FLOAT.withName("temperature"),
            JAVA_INT.withName("top_k"),
            JAVA_FLOAT.withName("top_p"));

    /** Name without the prefix {@code adaspec_} -> types, in the order of the header. */
    static final Map<String, FunctionDescriptor> FUNCTIONS = functions();

    private Abi() {}

    private static Map<String, FunctionDescriptor> functions() {
        Map<String, FunctionDescriptor> table = new LinkedHashMap<>();
        table.put("last_error", FunctionDescriptor.of(P));
        table.put("backend", FunctionDescriptor.of(P));
        status(table, "set_threads", I);
        status(table, "embedding_forward", P, P, I, P, L, L, L, P);
        status(table, "embedding_backward", P, P, P, L, L, L, P);
        status(table, "layernorm_forward", P, P, P, P, P, P, F, L, L, P);
        status(table, "layernorm_backward", P, P, P, P, P, P, P, P, L, L, P);
        status(table, "add_layernorm_forward", P, P, P, P, P, P, P, P, F, L, L, P);
        status(table, "rmsnorm_forward", P, P, P, P, F, L, L, P);
        status(table, "rmsnorm_backward", P, P, P, P, P, P, L, L, P);
        status(table, "add_rmsnorm_forward", P, P, P, P, P, P, F, L, L, P);
        status(table, "linear_rows", P, L, P, L, P, I, L, P, L, L, L, P);
        status(table, "bias_add", P, L, P, L, L, P);
        status(table, "column_sum", P, P, L, L, L, P);
        status(table, "rotary", P, P, P, P, L, I, I, I, L, P);
        status(table, "attention_forward", P, P, P, P, P, L, F, L, P);
        status(table, "attention_backward", P, P, P, P, P, P, P, L, F, L, P);
        status(table, "cache_append", P, P, P, P, L, L, L, P);
        status(table, "attention_decode", P, P, P, P, P, L, L, F, L, P);
        status(table, "cache_append_batch", P, P, P, P, P, P, P, L, L, L, L, P);
        status(table, "attention_decode_batch", P, P, P, P, P, P, P, P, L, L, L, F, L, P);
        status(table, "gelu_forward", P, P, I, L, P);
        status(table, "gelu_backward", P, P, P, I, L, P);
        status(table, "swiglu_forward", P, P, L, L, P);
        status(table, "swiglu_backward", P, P, P, L, L, P);
        status(table, "add", P, P, P, L, P);
        status(table, "cast", P, I, P, I, L, P);
        status(table, "gather_rows", P, P, L, P, L, L, P);
        status(table, "scatter_add_rows", P, L, P, P, L, L, P);
        status(table, "distill_forward", P, P, P, P, P, P, P, P, P, P, L, P, L, P, L, I, I, L, L, P);
        status(table, "distill_backward", P, L, P, L, P, L, I, P, P, P, P, P, I, F, L, L, P);
        status(table, "distill_forward_backward", P, L, P, P, P, P, P, P, L, P, L, I, I, F, L, L, P);
        status(table, "cross_entropy_forward", P, P, P, L, P, L, L, P);
        status(table, "cross_entropy_backward", P, L, P, L, P, P, F, L, L, P);
        status(table, "select", P, P, P, D, I, P, L, P);
        status(table, "sum_of_squares", P, P, L, P);
        status(table, "adamw", P, P, P, P, F, F, F, F, F, F, L, L, P);
        status(table, "sample", P, P, P, I, L, P, I, I, L, L, P);
        status(table, "verify", P, P, P, P, I, L, P, P, L, P, P, P, I, I, L, L, L, P);
        return Collections.unmodifiableMap(table);
    }

    private static void status(Map<String, FunctionDescriptor> table, String name, ValueLayout... arguments) {
        table.put(name, FunctionDescriptor.of(I, arguments));
    }
}
