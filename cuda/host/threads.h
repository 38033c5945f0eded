/* How many threads an operation may use, and the team that decoding shares its work with. No result depends on either. */
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

/* The same where threads share whole rows: one that gets none is not woken, as it would be for every token drawn from a large vocabulary. */
static inline int32_t threads_for_rows(int64_t rows, int64_t work) {
    const int64_t threads = threads_for(work);
    return (int32_t)(rows < 1 ? 1 : rows < threads ? rows : threads);
}

/* The work of threads_for, in floats streamed: `products` multiply-adds from the caches while `weights` elements come from memory. */
static inline int64_t work_of(int64_t products, int64_t weights) {
    return products / 16 + weights;
}

/*
 * Runs part(context, begin, end) over pieces that make up [0, count), on the calling thread and on those of the team that are there in time; returns
 * when all are done. Pieces begin at multiples of `grain` and shrink towards the end. `work` as in threads_for.
 */
void adaspec_share(int64_t work, int64_t count, int64_t grain, void (*part)(void* context, int64_t begin, int64_t end), void* context);

template <class Part>
static void share(int64_t work, int64_t count, int64_t grain, const Part& part) {
    adaspec_share(
        work, count, grain, [](void* context, int64_t begin, int64_t end) { (*(const Part*)context)(begin, end); }, (void*)&part);
}
