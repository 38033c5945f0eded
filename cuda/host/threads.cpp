/*
 * The team of decoding. A token takes a hundred small operations, each some tens of microseconds: too short for threads that sleep in between and
 * wake (5 to 50 us), and OpenMP's, which can also spin, must all arrive before an operation ends, so that one whose core another program holds stops
 * the rest for a time slice. Here nobody is waited for who has not begun: the caller takes pieces of the work like everyone else and is done when the
 * pieces are. Idle threads spin for a moment, then sleep.
 *
 * The team serves one caller at a time; another one that finds it taken works alone.
 */
#include "threads.h"

#include <errno.h>
#include <linux/futex.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

/* Below this an operation is done before another thread has noticed it: about 2 us. */
static const int64_t WORTH_SHARING = 8192;
/* Below this waking a thread that sleeps costs more than it saves. */
static const int64_t WORTH_WAKING = 65536;
/* How long who waits spins before it sleeps: longer than what lies between two operations of a token. */
static const int64_t SPIN_NANOSECONDS = 50000;
/* Between two looks at the clock: who was away for longer had its core taken, and spinning would keep it from whoever needs it. */
static const int64_t AWAY_NANOSECONDS = 10000;

namespace {

/* A word that threads wait for others to change; on a cache line of its own. */
struct alignas(64) Word {
    int32_t value;
    int32_t sleepers;
};

struct Team {
    alignas(64) int32_t taken;    /* a caller has the team */
    int32_t members;              /* threads made so far; the caller's */
    Word posted;                  /* how many times there was work */
    Word inside;                  /* members that look at the work; it stays as it is until they have left */
    alignas(64) int32_t open;     /* the work may be taken up */
    int32_t wanted;               /* by members with a lower number */
    int64_t count;
    int64_t grain;
    void (*part)(void*, int64_t, int64_t);
    void* context;
    alignas(64) int64_t next;     /* the first of [0, count) that nobody has taken */
};

}  // namespace

static Team team;

static int64_t nanoseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void wake(Word* word) {
    if (__atomic_load_n(&word->sleepers, __ATOMIC_SEQ_CST) > 0) {
        syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
    }
}

/* Returns when the word is not `value`: looks for a moment, then sleeps. */
static void wait_while(Word* word, int32_t value) {
    const int64_t begin = nanoseconds();
    for (int64_t last = begin, now = begin; now - begin < SPIN_NANOSECONDS && now - last < AWAY_NANOSECONDS; last = now, now = nanoseconds()) {
        for (int i = 0; i < 16; i++) {
            if (__atomic_load_n(&word->value, __ATOMIC_SEQ_CST) != value) {
                return;
            }
            relax();
        }
    }
    __atomic_fetch_add(&word->sleepers, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&word->value, __ATOMIC_SEQ_CST) == value) {
        syscall(SYS_futex, &word->value, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
    }
    __atomic_fetch_sub(&word->sleepers, 1, __ATOMIC_SEQ_CST);
}

/* Takes pieces until none is left: a share of what is left each time, so that the last ones are small and all finish together. */
static void work() {
    const int64_t takers = 2 * (team.wanted + 1);
    int64_t begin = __atomic_load_n(&team.next, __ATOMIC_RELAXED);
    while (begin < team.count) {
        int64_t size = (team.count - begin) / takers / team.grain * team.grain;
        size = size < team.grain ? team.grain : size;
        const int64_t end = team.count - begin < size ? team.count : begin + size;
        if (__atomic_compare_exchange_n(&team.next, &begin, end, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            team.part(team.context, begin, end);
            begin = __atomic_load_n(&team.next, __ATOMIC_RELAXED);
        }
    }
}

static void* member(void* number) {
    for (int32_t seen = 0;;) {
        wait_while(&team.posted, seen);
        seen = __atomic_load_n(&team.posted.value, __ATOMIC_SEQ_CST);
        /* First inside, then a look whether it is open; the caller closes first, then looks who is inside. */
        __atomic_fetch_add(&team.inside.value, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&team.open, __ATOMIC_SEQ_CST) && (int32_t)(intptr_t)number < team.wanted) {
            work();
        }
        if (__atomic_sub_fetch(&team.inside.value, 1, __ATOMIC_SEQ_CST) == 0) {
            wake(&team.inside);
        }
    }
    return nullptr;
}

/* As many members as wanted, or as the system allows. Signals are for the program's own threads. */
static void recruit(int32_t wanted) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (const int fault : faults) {
        sigdelset(&all, fault);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (team.members < wanted) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, member, (void*)(intptr_t)team.members) != 0) {
            break;
        }
        pthread_detach(thread);
        team.members++;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void adaspec_share(int64_t work_size, int64_t count, int64_t grain, void (*part)(void*, int64_t, int64_t), void* context) {
    const int32_t others = adaspec_threads() - 1;
    if (others == 0 || count <= grain || work_size < WORTH_SHARING || __atomic_exchange_n(&team.taken, 1, __ATOMIC_ACQUIRE) != 0) {
        part(context, 0, count);
        return;
    }
    if (team.members < others) {
        recruit(others);
    }
    team.wanted = others;
    team.count = count;
    team.grain = grain;
    team.part = part;
    team.context = context;
    team.next = 0;
    __atomic_store_n(&team.open, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&team.posted.value, 1, __ATOMIC_SEQ_CST);
    if (work_size >= WORTH_WAKING) {
        wake(&team.posted);
    }
    work();
    __atomic_store_n(&team.open, 0, __ATOMIC_SEQ_CST);
    for (int32_t inside; (inside = __atomic_load_n(&team.inside.value, __ATOMIC_SEQ_CST)) != 0;) {
        wait_while(&team.inside, inside);
    }
    __atomic_store_n(&team.taken, 0, __ATOMIC_RELEASE);
}
