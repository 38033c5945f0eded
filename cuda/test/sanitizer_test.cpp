/* Faults that a sanitizer must see, one by its name; without a name, the same work done right, which it must not complain of. */
#include "check.h"

#include <unistd.h>

#include <thread>

static const int64_t N = 4096;

/* What the compiler cannot know. */
static volatile int64_t one = 1;

static void past_heap() {
    std::vector<float> x(8);
    Floats out(1, zeros());
    CHECK_OK(adaspec_cast(out, ADASPEC_F32, x.data() + 7 + one, ADASPEC_F32, 1, nullptr));
}

static void past_buffer() {
    Floats x(8, zeros());
    Floats out(9, zeros());
    CHECK_OK(adaspec_cast(out, ADASPEC_F32, x, ADASPEC_F32, 8 + one, nullptr));
}

static void before_buffer() {
    Floats x(8, zeros());
    Floats out(1, zeros());
    CHECK_OK(adaspec_cast(out, ADASPEC_F32, x - one, ADASPEC_F32, 1, nullptr));
}

/* Products shared among the team's threads; both callers write one result. */
static void two_callers(bool apart) {
    Floats weight(N * 64, normals(1));
    Floats x(64, normals(2));
    Floats out(2 * N, zeros());
    std::vector<std::thread> callers;
    for (int64_t caller = 0; caller < 2; caller++) {
        callers.emplace_back([&, caller] {
            for (int i = 0; i < 20; i++) {
                CHECK_OK(adaspec_linear_rows(out + (apart ? caller * N : 0), N, x, 64, weight, ADASPEC_F32, 64, nullptr, 1, N, 64, nullptr));
            }
        });
    }
    for (std::thread& caller : callers) {
        caller.join();
    }
}

static int64_t parallel_sum(bool apart) {
    int64_t sum = 0;
    int64_t sums[4] = {};
#pragma omp parallel for schedule(static) num_threads(4)
    for (int64_t i = 0; i < 4; i++) {
        (apart ? sums[i] : sum) += i;
    }
    return sum + sums[0] + sums[1] + sums[2] + sums[3];
}

/* Pieces of a dynamic loop come in any order: one that builds on the last is a race even where it comes later. */
static int64_t dynamic_loop(bool apart) {
    int64_t values[65] = {1};
#pragma omp parallel for schedule(dynamic, 1) num_threads(4)
    for (int64_t i = 0; i < 64; i++) {
        usleep(100);
        values[i + 1] = apart ? 1 : values[i];
    }
    return values[64];
}

int main(int count, char** names) {
    require_tier();
    const std::string fault = count > 1 ? names[1] : "";
    if (fault == "past-heap") {
        past_heap();
    } else if (fault == "past-buffer") {
        past_buffer();
    } else if (fault == "before-buffer") {
        before_buffer();
    } else if (fault == "shift") {
        return (int)((int64_t)1 << 64 * one);
    } else if (fault == "too-large") {
        return (int)(1e10 * (double)one);
    } else if (fault == "two-callers") {
        two_callers(false);
    } else if (fault == "parallel-sum") {
        return (int)parallel_sum(false);
    } else if (fault == "dynamic-loop") {
        return (int)dynamic_loop(false);
    } else {
        two_callers(true);
        CHECK(parallel_sum(true) == 6, "a parallel sum");
        CHECK(dynamic_loop(true) == 1, "a dynamic loop");
    }
    return finish();
}
