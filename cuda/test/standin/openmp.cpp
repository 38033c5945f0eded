/*
 * The part of GCC's OpenMP runtime that libadaspec_cpu.so calls, in the place of libgomp where ThreadSanitizer watches: libgomp's barriers are
 * invisible to it, and every result handed over at one would look like a race. A region's threads are made for it and joined at its end, so that what it
 * orders is what OpenMP promises and no more: the pieces of a dynamic loop order nothing.
 */
#include <pthread.h>

#include <cstddef>

namespace {

struct Loop {
    long start;
    long step;
    long chunk;
    long count;
};

struct Region {
    void (*body)(void*);
    void* data;
    int threads;
    long next; /* of its one loop: iterations that were handed out */
};

struct Member {
    Region* region;
    int number;
    pthread_t thread;
    Loop loop; /* all are given the same */
};

const int MOST_THREADS = 64;

thread_local Member* self = nullptr;

void* run(void* member) {
    self = static_cast<Member*>(member);
    self->region->body(self->region->data);
    self = nullptr;
    return nullptr;
}

Loop loop_of(long start, long end, long step, long chunk) {
    return {start, step, chunk, step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step};
}

void parallel(void (*body)(void*), void* data, unsigned threads, const Loop& loop) {
    Region region = {body, data, threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : static_cast<int>(threads), 0};
    Member members[MOST_THREADS] = {};
    for (int i = 0; i < region.threads; i++) {
        members[i].region = &region;
        members[i].number = i;
        members[i].loop = loop;
    }
    for (int i = 1; i < region.threads; i++) {
        if (pthread_create(&members[i].thread, nullptr, run, &members[i]) != 0) {
            __builtin_trap();
        }
    }
    Member* outer = self;
    run(&members[0]);
    self = outer;
    for (int i = 1; i < region.threads; i++) {
        pthread_join(members[i].thread, nullptr);
    }
}

}  // namespace

extern "C" {

int omp_get_max_threads() {
    return 2;
}

int omp_get_num_threads() {
    return self == nullptr ? 1 : self->region->threads;
}

int omp_get_thread_num() {
    return self == nullptr ? 0 : self->number;
}

void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned) {
    parallel(body, data, threads, Loop{});
}

void GOMP_parallel_loop_nonmonotonic_dynamic(
    void (*body)(void*), void* data, unsigned threads, long start, long end, long step, long chunk, unsigned) {
    parallel(body, data, threads, loop_of(start, end, step, chunk));
}

bool GOMP_loop_nonmonotonic_dynamic_next(long* begin, long* end);

bool GOMP_loop_nonmonotonic_dynamic_start(long start, long end, long step, long chunk, long* begin, long* stop) {
    self->loop = loop_of(start, end, step, chunk);
    return GOMP_loop_nonmonotonic_dynamic_next(begin, stop);
}

bool GOMP_loop_nonmonotonic_dynamic_next(long* begin, long* end) {
    const Loop& loop = self->loop;
    const long first = __atomic_fetch_add(&self->region->next, loop.chunk, __ATOMIC_RELAXED);
    if (first >= loop.count) {
        return false;
    }
    const long last = first + loop.chunk < loop.count ? first + loop.chunk : loop.count;
    *begin = loop.start + first * loop.step;
    *end = loop.start + last * loop.step;
    return true;
}

void GOMP_loop_end_nowait() {}
}
