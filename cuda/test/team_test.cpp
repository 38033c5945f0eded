/*
 * The team that decoding's operations share their work with: every piece of the work is done once and before the operation returns, whatever the team
 * does meanwhile (spinning, asleep, growing, shrinking, taken by another caller).
 */
#include "check.h"

#include <thread>

/* N * K is enough for members that sleep to be woken. */
static const int64_t N = 1001;
static const int64_t K = 67;

/* Operations of a caller of its own, each on other numbers: a piece left out, or of the operation before, shows. */
static int wrong_results(uint64_t seed, int operations, const std::function<void(int)>& before) {
    std::vector<float> weight(N * K);
    std::vector<float> out(N);
    std::vector<float> want(N);
    std::vector<float> x(K);
    Random random(seed);
    for (float& w : weight) {
        w = (float)random.below(9) - 4;
    }
    int wrong = 0;
    for (int i = 0; i < operations; i++) {
        for (float& value : x) {
            value = (float)random.below(9) - 4;
        }
        /* Small whole numbers: exact in any order. */
        for (int64_t j = 0; j < N; j++) {
            want[(size_t)j] = 0;
            for (int64_t c = 0; c < K; c++) {
                want[(size_t)j] += x[(size_t)c] * weight[(size_t)(j * K + c)];
            }
        }
        out.assign(N, NAN);
        before(i);
        wrong += adaspec_linear_rows(out.data(), N, x.data(), K, weight.data(), ADASPEC_F32, K, nullptr, 1, N, K, nullptr) != ADASPEC_OK;
        wrong += out != want;
    }
    return wrong;
}

int main() {
    require_tier();
    for (int threads : {1, 2, 5, 3}) {
        CHECK_OK(adaspec_set_threads(threads));
        CHECK(wrong_results((uint64_t)threads, 3000, [](int) {}) == 0, "one after the other, %d threads", threads);
        /* Long enough apart for the team to fall asleep, or to be about to. */
        CHECK(wrong_results(7, 100, [](int i) { usleep((useconds_t)(i % 10 * 20)); }) == 0, "with pauses, %d threads", threads);
    }
    CHECK(wrong_results(8, 1000, [](int i) { adaspec_set_threads(1 + i % 6); }) == 0, "a team that grows and shrinks");
    int wrong[3] = {};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 3; caller++) {
        callers.emplace_back([caller, &wrong] { wrong[caller] = wrong_results(20 + (uint64_t)caller, 2000, [](int) {}); });
    }
    for (std::thread& caller : callers) {
        caller.join();
    }
    for (int caller = 0; caller < 3; caller++) {
        CHECK(wrong[caller] == 0, "caller %d of three at once had %d wrong results", caller, wrong[caller]);
    }
    return finish();
}
