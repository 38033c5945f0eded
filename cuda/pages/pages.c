#include "pages.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* A model's shards are some hundreds at most; the table is static because the handler may not wait for a lock. */
#define MOST 4096

struct map {
    uintptr_t start; /* 0: free. Written last, read first */
    uintptr_t end;
    int32_t lost;
};

static struct map maps[MOST];
static int32_t used; /* places that were ever taken */
static int32_t losses;
static uintptr_t page_size;
static int handled;
static struct sigaction before;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void hand_on(int signal, siginfo_t* info, void* context) {
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(signal, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(signal);
    } else {
        /* The instruction is run again, and ends the process as it would have without us. */
        sigaction(signal, &before, NULL);
    }
}

/* Everything behind the page goes too: it lies beyond the file's new end, or its reader is to be told anyway. One fault, one range of zeros. */
static int replace(struct map* map, uintptr_t address) {
    const uintptr_t page = address & ~(page_size - 1);
    if (mmap((void*)page, map->end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED) {
        return 0;
    }
    __atomic_store_n(&map->lost, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&losses, 1, __ATOMIC_SEQ_CST);
    return 1;
}

static void on_bus_error(int signal, siginfo_t* info, void* context) {
    const int error = errno;
    const uintptr_t address = (uintptr_t)info->si_addr;
    /* Memory that itself is broken (BUS_MCEERR_*) is nothing to go on with. */
    if (info->si_code == BUS_ADRERR) {
        const int32_t count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
        for (int32_t i = 0; i < count; i++) {
            const uintptr_t start = __atomic_load_n(&maps[i].start, __ATOMIC_ACQUIRE);
            if (start != 0 && start <= address && address < maps[i].end && replace(&maps[i], address)) {
                errno = error;
                return;
            }
        }
    }
    errno = error;
    hand_on(signal, info, context);
}

/* Under the lock. */
static int handle(void) {
    if (!handled) {
        page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
        struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
        sigfillset(&action.sa_mask);
        /* Read before it is needed: the handler may run as soon as it is set. */
        handled = sigaction(SIGBUS, NULL, &before) == 0 && sigaction(SIGBUS, &action, NULL) == 0;
    }
    return handled;
}

int32_t adaspec_pages_watch(void* start, int64_t bytes) {
    int32_t number = -1;
    pthread_mutex_lock(&lock);
    if (start != NULL && bytes > 0 && handle()) {
        int32_t place = 0;
        while (place < used && maps[place].start != 0) {
            place++;
        }
        if (place < MOST) {
            maps[place].end = ((uintptr_t)start + (uintptr_t)bytes + page_size - 1) & ~(page_size - 1);
            __atomic_store_n(&maps[place].lost, 0, __ATOMIC_RELAXED);
            __atomic_store_n(&maps[place].start, (uintptr_t)start & ~(page_size - 1), __ATOMIC_RELEASE);
            if (place == used) {
                __atomic_store_n(&used, used + 1, __ATOMIC_RELEASE);
            }
            number = place;
        }
    }
    pthread_mutex_unlock(&lock);
    return number;
}

int32_t adaspec_pages_lost(int32_t number) {
    return __atomic_load_n(&maps[number].lost, __ATOMIC_SEQ_CST);
}

void adaspec_pages_forget(int32_t number) {
    pthread_mutex_lock(&lock);
    __atomic_store_n(&maps[number].start, 0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
}

const int32_t* adaspec_pages_losses(void) {
    return &losses;
}
