/* How many threads an operation may use. No result depends on it. */
#pragma once

#include <stdint.h>

int32_t adaspec_threads();

/*
 * Threads for an operation that takes about as long as streaming `work` floats: one where waking a team costs more than it saves. A team that sleeps
 * is awake in 5 to 10 us; a core streams 65536 floats in about 20.
 */
static inline int32_t threads_for(int64_t work) {
    return work < 65536 ? 1 : adaspec_threads();
}

/* The same in floats streamed: `products` multiply-adds from the caches while `weights` elements come from memory. */
static inline int64_t work_of(int64_t products, int64_t weights) {
    return products / 16 + weights;
}
