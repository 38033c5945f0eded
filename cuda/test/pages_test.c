/* A file that is cut off while it is mapped: reads go on with zeros and the loss is told; every other bus error is who's it was before. */
#include "pages.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf back;
static int handed_on;

static void other_handler(int signal) {
    (void)signal;
    handed_on++;
    siglongjmp(back, 1);
}

static int failures;

#define CHECK(condition)                                               \
    do {                                                               \
        if (!(condition)) {                                            \
            fprintf(stderr, "%d: %s does not hold\n", __LINE__, #condition); \
            failures++;                                                \
        }                                                              \
    } while (0)

static volatile char* map_of(int pages, long page, int* file) {
    char name[] = "/tmp/pages_test_XXXXXX";
    *file = mkstemp(name);
    CHECK(*file >= 0 && unlink(name) == 0 && ftruncate(*file, pages * page) == 0);
    for (int i = 0; i < pages; i++) {
        CHECK(pwrite(*file, "x", 1, i * page) == 1);
    }
    volatile char* map = mmap(NULL, (size_t)(pages * page), PROT_READ, MAP_SHARED, *file, 0);
    CHECK(map != MAP_FAILED);
    return map;
}

int main(void) {
    const long page = sysconf(_SC_PAGESIZE);
    signal(SIGBUS, other_handler);
    int file;
    int kept_file;
    int strange_file;
    volatile char* map = map_of(8, page, &file);
    volatile char* kept = map_of(8, page, &kept_file);
    volatile char* strange = map_of(2, page, &strange_file);
    const int32_t number = adaspec_pages_watch((void*)map, 8 * page - 100);
    const int32_t other = adaspec_pages_watch((void*)kept, 8 * page);
    CHECK(number >= 0 && other >= 0 && number != other);
    CHECK(map[7 * page] == 'x' && *adaspec_pages_losses() == 0);

    CHECK(ftruncate(file, 3 * page) == 0);
    CHECK(map[2 * page] == 'x' && adaspec_pages_lost(number) == 0);
    CHECK(map[5 * page] == 0 && map[6 * page] == 0 && map[7 * page] == 0 && *adaspec_pages_losses() == 1);
    CHECK(map[3 * page] == 0 && map[2 * page] == 'x' && *adaspec_pages_losses() == 2);
    CHECK(adaspec_pages_lost(number) == 1 && adaspec_pages_lost(other) == 0);
    CHECK(kept[7 * page] == 'x');

    /* Not watched: the handler that was there. */
    CHECK(ftruncate(strange_file, page) == 0);
    if (sigsetjmp(back, 1) == 0) {
        CHECK(strange[page] == 0);
        CHECK(!"a map that nobody watches was read past its file's end");
    }
    CHECK(handed_on == 1);

    /* Watched no longer. */
    adaspec_pages_forget(other);
    CHECK(ftruncate(kept_file, 0) == 0);
    if (sigsetjmp(back, 1) == 0) {
        CHECK(kept[0] == 0);
        CHECK(!"a map that nobody watches any more was read past its file's end");
    }
    CHECK(handed_on == 2);
    CHECK(adaspec_pages_watch((void*)kept, page) == other && adaspec_pages_lost(other) == 0);
    CHECK(kept[0] == 0 && adaspec_pages_lost(other) == 1);

    CHECK(adaspec_pages_watch(NULL, page) == -1 && adaspec_pages_watch((void*)map, 0) == -1);
    return failures != 0;
}
