/*
 * out = x weight^T + bias for decoding: the bits of a row of out depend on that row of x only.
 *
 * A dot product's order is fixed by k alone: the columns are dealt to a warp's lanes in runs of eight, lane l taking runs l, l + 32, ..; a lane adds its
 * own in order by fused multiply-add, then the lanes are added by halves. How many rows and outputs a warp takes at once only decides what is read how
 * often: a weight is read from memory once for up to ROWS rows, and a row of x, four bytes an element where the weight has two, from the first-level
 * cache once for OUTPUTS outputs. One row is bound by the weights' bytes; with eight rows and four outputs the first-level cache gives 3 bytes for each
 * byte of the weights.
 */
#include "element.cuh"
#include "reduce.cuh"

namespace {

constexpr int WARPS = 4;
constexpr int RUN = 8;

/* RUN elements of a row from column i on; zeros past k. */
template <class Type, bool ALIGNED>
DEVICE void load_run(float (&to)[RUN], const typename Type::element* row, int64_t i, int64_t k) {
    typedef typename Type::element element;
    if (ALIGNED && i + RUN <= k) {
        constexpr int VECTORS = (int)(RUN * sizeof(element) / sizeof(uint4));
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            const uint4 four = __ldg(reinterpret_cast<const uint4*>(row + i) + v);
            const uint32_t words[4] = {four.x, four.y, four.z, four.w};
            UNROLL
            for (int w = 0; w < 4; w++) {
                if constexpr (sizeof(element) == 4) {
                    to[4 * v + w] = __uint_as_float(words[w]);
                } else {
                    to[2 * w] = Type::widen((element)(words[w] & 0xffffu));
                    to[2 * w + 1] = Type::widen((element)(words[w] >> 16));
                }
            }
        }
    } else {
        UNROLL
        for (int e = 0; e < RUN; e++) {
            to[e] = i + e < k ? Type::widen(row[i + e]) : 0.0f;
        }
    }
}

/* The arguments. */
template <class Type>
struct Linear {
    float* out;
    int64_t ld_out;
    const float* x;
    int64_t ld_x;
    const typename Type::element* weight;
    int64_t ld_weight;
    const float* bias;
    int64_t m;
    int64_t n;
    int64_t k;
};

/* A warp takes ROWS rows (blockIdx.y) and OUTPUTS outputs; those past the last repeat it and are not stored. */
template <class Type, int ROWS, int OUTPUTS, bool ALIGNED>
__global__ void __launch_bounds__(WARPS* WARP) linear_kernel(Linear<Type> a) {
    const int lane = (int)threadIdx.x % WARP;
    const int64_t first_row = (int64_t)blockIdx.y * ROWS;
    const int64_t first_output = ((int64_t)blockIdx.x * WARPS + threadIdx.x / WARP) * OUTPUTS;
    if (first_output >= a.n) {
        return;
    }
    const float* rows[ROWS];
    const typename Type::element* weights[OUTPUTS];
    UNROLL
    for (int r = 0; r < ROWS; r++) {
        rows[r] = a.x + (first_row + r < a.m ? first_row + r : a.m - 1) * a.ld_x;
    }
    UNROLL
    for (int o = 0; o < OUTPUTS; o++) {
        weights[o] = a.weight + (first_output + o < a.n ? first_output + o : a.n - 1) * a.ld_weight;
    }
    float sums[ROWS][OUTPUTS] = {};
    for (int64_t i = lane * RUN; i < a.k; i += WARP * RUN) {
        float w[OUTPUTS][RUN];
        UNROLL
        for (int o = 0; o < OUTPUTS; o++) {
            load_run<Type, ALIGNED>(w[o], weights[o], i, a.k);
        }
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            float x[RUN];
            load_run<F32, ALIGNED>(x, rows[r], i, a.k);
            UNROLL
            for (int o = 0; o < OUTPUTS; o++) {
                UNROLL
                for (int e = 0; e < RUN; e++) {
                    /* Past k both are zero. Where the row holds an infinity the sum is as IEEE has it. */
                    sums[r][o] = fmaf(x[e], w[o][e], sums[r][o]);
                }
            }
        }
    }
    UNROLL
    for (int r = 0; r < ROWS; r++) {
        UNROLL
        for (int o = 0; o < OUTPUTS; o++) {
            const float sum = warp_sum(sums[r][o]);
            const int64_t row = first_row + r;
            const int64_t output = first_output + o;
            if (lane == 0 && row < a.m && output < a.n) {
                a.out[row * a.ld_out + output] = a.bias != nullptr ? sum + a.bias[output] : sum;
            }
        }
    }
}

template <class Type, int ROWS, int OUTPUTS>
int32_t run(const Linear<Type>& a, bool aligned, void* stream) {
    const int64_t outputs = WARPS * OUTPUTS;
    const Grid grid = {dim3((unsigned)((a.n + outputs - 1) / outputs), (unsigned)((a.m + ROWS - 1) / ROWS)), WARPS * WARP};
    return launch("linear_rows", aligned ? linear_kernel<Type, ROWS, OUTPUTS, true> : linear_kernel<Type, ROWS, OUTPUTS, false>, grid, stream, a);
}

}  // namespace

extern "C" int32_t adaspec_linear_rows(
    float* out, int64_t ld_out, const float* x, int64_t ld_x, const void* weight, int32_t weight_type, int64_t ld_weight, const float* bias,
    int64_t m, int64_t n, int64_t k, void* stream) {
    REQUIRE(m >= 0 && n >= 0 && k >= 0, "linear_rows: negative size (m %lld, n %lld, k %lld)", (long long)m, (long long)n, (long long)k);
    REQUIRE(
        ld_out >= n && ld_x >= k && ld_weight >= k,
        "linear_rows: out (%lld, %lld) has row stride %lld, x (%lld, %lld) %lld, weight (%lld, %lld) %lld",
        (long long)m, (long long)n, (long long)ld_out, (long long)m, (long long)k, (long long)ld_x, (long long)n, (long long)k, (long long)ld_weight);
    REQUIRE(is_float_type(weight_type), "linear_rows: weight type %d; 0 (f32), 1 (bf16) or 2 (f16) was expected", weight_type);
    const bool aligned =
        ld_x % RUN == 0 && ld_weight % RUN == 0 && (reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(weight)) % sizeof(uint4) == 0;
    return with_type(weight_type, [=](auto type) {
        typedef decltype(type) Type;
        const Linear<Type> a = {out, ld_out, x, ld_x, static_cast<const typename Type::element*>(weight), ld_weight, bias, m, n, k};
        if (m == 1) {
            return run<Type, 1, 1>(a, aligned, stream);
        }
        if (m == 2) {
            return run<Type, 2, 2>(a, aligned, stream);
        }
        return m <= 4 ? run<Type, 4, 4>(a, aligned, stream) : run<Type, 8, 4>(a, aligned, stream);
    });
}
