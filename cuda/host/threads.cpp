#include "threads.h"

#include <omp.h>

#include "status.h"

static int32_t threads = 0;

int32_t adaspec_threads() {
    int32_t set = __atomic_load_n(&threads, __ATOMIC_RELAXED);
    return set > 0 ? set : omp_get_max_threads();
}

extern "C" int32_t adaspec_set_threads(int32_t count) {
    REQUIRE(count >= 1 && count <= 4096, "set_threads: %d threads; between 1 and 4096 were expected", count);
    __atomic_store_n(&threads, count, __ATOMIC_RELAXED);
    return ADASPEC_OK;
}
