/* How many threads an operation may use. No result depends on it. */
#pragma once

#include <stdint.h>

int32_t adaspec_threads();

/*
 * Threads for an operation that moves or computes about `work` elements: one below the size at which waking a team costs more than it saves
 * (a team starts in about 5 us; a core streams 16384 floats in about 4).
 */
static inline int32_t threads_for(int64_t work) {
    return work < 32768 ? 1 : adaspec_threads();
}
