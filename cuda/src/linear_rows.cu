/*
 * out = x weight^T + bias for decoding: the bits of a row of out depend on that row of x only. 16-bit weights go to the matrix units: linear_mma.cuh. Those of
 * f32, which no unit multiplies exactly, are multiplied here.
 *
 * A dot product's order is fixed by k alone: the columns are dealt to a warp's lanes in runs of eight, lane l taking runs l, l + 32, ..; a lane adds its
 * own in order by fused multiply-add, then the lanes are added by halves. How many rows and outputs a warp takes at once only decides what is read how
 * often: a weight is read from memory once for up to ROWS rows, and a row of x from the first-level cache once for OUTPUTS outputs. One row is bound by
 * the weights' bytes; with eight rows and four outputs the first-level cache gives 3 bytes for each byte of the weights.
 */
#include "linear_mma.cuh"
#include "logits.cuh"
#include "reduce.cuh"

namespace {

using linear::Linear;

constexpr int WARPS = 4;
constexpr int RUN = 8;

/* RUN elements of a row from column i on; zeros past k. */
template <bool ALIGNED>
DEVICE void load_run(float (&to)[RUN], const float* row, int64_t i, int64_t k) {
    if (ALIGNED && i + RUN <= k) {
        UNROLL
        for (int v = 0; v < RUN / 4; v++) {
            const float4 four = __ldg(reinterpret_cast<const float4*>(row + i) + v);
            to[4 * v] = four.x;
            to[4 * v + 1] = four.y;
            to[4 * v + 2] = four.z;
            to[4 * v + 3] = four.w;
        }
    } else {
        UNROLL
        for (int e = 0; e < RUN; e++) {
            to[e] = i + e < k ? row[i + e] : 0.0f;
        }
    }
}

/* A warp takes ROWS rows (blockIdx.y) and OUTPUTS outputs; those past the last repeat it and are not stored. */
template <int ROWS, int OUTPUTS, bool ALIGNED>
__global__ void __launch_bounds__(WARPS* WARP) linear_kernel(Linear<F32> a) {
    const int lane = (int)threadIdx.x % WARP;
    const int64_t first_row = (int64_t)blockIdx.y * ROWS;
    const int64_t first_output = ((int64_t)blockIdx.x * WARPS + threadIdx.x / WARP) * OUTPUTS;
    if (first_output >= a.n) {
        return;
    }
    const float* rows[ROWS];
    const float* weights[OUTPUTS];
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
            load_run<ALIGNED>(w[o], weights[o], i, a.k);
        }
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            float x[RUN];
            load_run<ALIGNED>(x, rows[r], i, a.k);
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

template <int ROWS, int OUTPUTS>
int32_t run(const Linear<F32>& a, void* stream) {
    const int64_t outputs = WARPS * OUTPUTS;
    const Grid grid = {dim3((unsigned)((a.n + outputs - 1) / outputs), (unsigned)((a.m + ROWS - 1) / ROWS)), WARPS * WARP};
    const bool aligned = a.aligned_x && a.aligned_weight;
    return launch("linear_rows", aligned ? linear_kernel<ROWS, OUTPUTS, true> : linear_kernel<ROWS, OUTPUTS, false>, grid, stream, a);
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
    return with_type(weight_type, [=](auto type) {
        typedef decltype(type) Type;
        typedef typename Type::element element;
        const Linear<Type> a = {
            out, ld_out, x, ld_x, static_cast<const element*>(weight), ld_weight, bias, m, n, k, is_aligned(x, ld_x, ADASPEC_F32),
            is_aligned(weight, ld_weight, weight_type)};
        if constexpr (std::is_same_v<Type, F32>) {
            if (m == 1) {
                return run<1, 1>(a, stream);
            }
            if (m == 2) {
                return run<2, 2>(a, stream);
            }
            return m <= 4 ? run<4, 4>(a, stream) : run<8, 4>(a, stream);
        } else {
            return linear::linear_mma(a, stream);
        }
    });
}
