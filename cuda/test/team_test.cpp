/*
 * The team that decoding's operations share their work with: every piece of the work is done once and before the operation returns, whatever the team
 * does meanwhile (spinning, asleep, growing, shrinking, taken by another caller).
 */
#include "check.h"

#include <dirent.h>
#include <unistd.h>
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

/* Threads of this process. */
static int threads_alive() {
    int count = 0;
    DIR* tasks = opendir("/proc/self/task");
    for (const dirent* entry; tasks != nullptr && (entry = readdir(tasks)) != nullptr;) {
        count += entry->d_name[0] != '.';
    }
    if (tasks != nullptr) {
        closedir(tasks);
    }
    return count;
}

/* What shares rows among threads wakes none for a single row, however long: decoding draws each token from one. */
static void check_single_rows() {
    const int64_t v = 50304;
    std::vector<float> logits((size_t)(2 * v));
    for (int64_t i = 0; i < 2 * v; i++) {
        logits[(size_t)i] = (float)(i % 7);
    }
    const adaspec_draw greedy = {1, 0, 0, 0, 0, 1};
    const int32_t drafted = 6;
    const int32_t length = 1;
    int32_t token = -1;
    int32_t accepted = -1;
    float loss = 0;
    float lse = 0;
    CHECK_OK(adaspec_set_threads(4));
    CHECK_OK(adaspec_sample(&token, nullptr, logits.data(), ADASPEC_F32, v, &greedy, ADASPEC_PURPOSE_NEXT, 0, 1, v, nullptr));
    CHECK(token == 6 && threads_alive() == 1, "sample: %d threads", threads_alive());
    CHECK_OK(adaspec_verify(
        &accepted, &token, nullptr, logits.data(), ADASPEC_F32, v, nullptr, nullptr, 0, &drafted, &length, &greedy, ADASPEC_VERIFY_TOKEN, 1, 1, 1, v,
        nullptr));
    CHECK(accepted == 1 && threads_alive() == 1, "verify: %d threads", threads_alive());
    CHECK_OK(adaspec_cross_entropy_forward(&loss, &lse, logits.data(), v, &token, 1, v, nullptr));
    CHECK(threads_alive() == 1, "cross_entropy_forward: %d threads", threads_alive());
}

int main() {
    require_tier();
    check_single_rows();
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
