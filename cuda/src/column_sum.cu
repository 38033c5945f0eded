/* sum += the rows of x: the gradient of a bias. */
#include "column_sum.cuh"

namespace {

struct Element {
    const float* x;
    int64_t ld_x;

    DEVICE float operator()(int64_t i, int64_t j) const {
        return x[i * ld_x + j];
    }
};

}  // namespace

extern "C" int32_t adaspec_column_sum(float* sum, const float* x, int64_t ld_x, int64_t n, int64_t c, void* stream) {
    REQUIRE(n >= 0 && c >= 0 && ld_x >= c, "column_sum: x is (%lld, %lld) with row stride %lld", (long long)n, (long long)c, (long long)ld_x);
    return sum_columns("column_sum", sum, n, c, stream, Element{x, ld_x});
}
