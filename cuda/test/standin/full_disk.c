/*
 * A disk that becomes full, for tests: loaded before a program (LD_PRELOAD) it counts whatever the program does to keep something below one folder
 * (create, write, sync, cut, rename, link, make a folder), and fails from a chosen time on: with ENOSPC, a sync with EIO. Half of the first write that
 * fails is kept, as a disk does that has room for half. Deleting always works.
 *
 * The program itself says where and when, full_disk_arm(folder, at, forever) and full_disk_count(), or its environment: FULL_DISK_FOLDER and
 * FULL_DISK_AT, from there on for good.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char watched[PATH_MAX];
static long fails_at = -1; /* the number of what fails first; -1: nothing does */
static int for_good;
static long count;

/* Not at once with what it counts: the program is quiet when it calls. */
__attribute__((visibility("default"))) void full_disk_arm(const char* folder, long at, int forever) {
    snprintf(watched, sizeof watched, "%s", folder);
    fails_at = at;
    for_good = forever;
    __atomic_store_n(&count, 0, __ATOMIC_SEQ_CST);
}

__attribute__((constructor)) static void armed_from_the_start(void) {
    const char* folder = getenv("FULL_DISK_FOLDER");
    const char* at = getenv("FULL_DISK_AT");
    if (folder != NULL && at != NULL) {
        full_disk_arm(folder, atol(at), 1);
    }
}

__attribute__((visibility("default"))) long full_disk_count(void) {
    return __atomic_load_n(&count, __ATOMIC_SEQ_CST);
}

static int below(const char* path) {
    const size_t length = strlen(watched);
    return length > 0 && strncmp(path, watched, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int below_at(int folder, const char* path) {
    char whole[PATH_MAX];
    if (path[0] == '/') {
        return below(path);
    }
    char link[64];
    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    const ssize_t length = readlink(link, whole, sizeof whole - 1);
    if (length < 0) {
        return 0;
    }
    snprintf(whole + length, sizeof whole - (size_t)length, "/%s", path);
    return below(whole);
}

static int is_below(int file) {
    char link[64];
    char path[PATH_MAX];
    const int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    errno = error;
    if (length < 0) {
        return 0;
    }
    path[length] = '\0';
    return below(path);
}

/* Whether the next thing fails; 2 for the first. */
static int fails(void) {
    const long now = __atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST);
    return fails_at >= 0 && (now == fails_at || (for_good && now > fails_at)) ? 1 + (now == fails_at) : 0;
}

#define EXPORT __attribute__((visibility("default")))
#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, name))

#define FAIL(error)    \
    do {               \
        errno = error; \
        return -1;     \
    } while (0)

static int creates(const char* path, int flags) {
    return (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
}

#define OPEN(name)                                                                        \
    EXPORT int name(const char* path, int flags, ...) {                                   \
        va_list rest;                                                                     \
        va_start(rest, flags);                                                            \
        const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                                     \
        if (below_at(AT_FDCWD, path) && creates(path, flags) && fails()) {                \
            FAIL(ENOSPC);                                                                 \
        }                                                                                 \
        return NEXT(int (*)(const char*, int, mode_t), #name)(path, flags, mode);         \
    }
OPEN(open)
OPEN(open64)

typedef ssize_t (*write_type)(int, const void*, size_t);

EXPORT ssize_t write(int file, const void* bytes, size_t size) {
    const int failing = is_below(file) ? fails() : 0;
    if (failing == 2 && size > 1) {
        return NEXT(write_type, "write")(file, bytes, size / 2);
    }
    if (failing) {
        FAIL(ENOSPC);
    }
    return NEXT(write_type, "write")(file, bytes, size);
}

#define PWRITE(name)                                                                                             \
    EXPORT ssize_t name(int file, const void* bytes, size_t size, off64_t at) {                                  \
        const int failing = is_below(file) ? fails() : 0;                                                        \
        if (failing == 2 && size > 1) {                                                                          \
            return NEXT(ssize_t (*)(int, const void*, size_t, off64_t), #name)(file, bytes, size / 2, at);       \
        }                                                                                                        \
        if (failing) {                                                                                           \
            FAIL(ENOSPC);                                                                                        \
        }                                                                                                        \
        return NEXT(ssize_t (*)(int, const void*, size_t, off64_t), #name)(file, bytes, size, at);               \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

EXPORT ssize_t writev(int file, const struct iovec* parts, int number) {
    if (is_below(file) && fails()) {
        FAIL(ENOSPC);
    }
    return NEXT(ssize_t (*)(int, const struct iovec*, int), "writev")(file, parts, number);
}

#define SYNC(name)                                        \
    EXPORT int name(int file) {                           \
        if (is_below(file) && fails()) {                  \
            FAIL(EIO);                                    \
        }                                                 \
        return NEXT(int (*)(int), #name)(file);           \
    }
SYNC(fsync)
SYNC(fdatasync)

#define CUT(name)                                                     \
    EXPORT int name(int file, off64_t size) {                         \
        if (is_below(file) && fails()) {                              \
            FAIL(EIO);                                                \
        }                                                             \
        return NEXT(int (*)(int, off64_t), #name)(file, size);        \
    }
CUT(ftruncate)
CUT(ftruncate64)

#define TWO_PATHS(name, error)                                                         \
    EXPORT int name(const char* from, const char* to) {                                \
        if (below_at(AT_FDCWD, to) && fails()) {                                       \
            FAIL(error);                                                               \
        }                                                                              \
        return NEXT(int (*)(const char*, const char*), #name)(from, to);               \
    }
TWO_PATHS(rename, ENOSPC)
TWO_PATHS(symlink, ENOSPC)
TWO_PATHS(link, ENOSPC)

EXPORT int mkdir(const char* path, mode_t mode) {
    if (below_at(AT_FDCWD, path) && access(path, F_OK) != 0 && fails()) {
        FAIL(ENOSPC);
    }
    return NEXT(int (*)(const char*, mode_t), "mkdir")(path, mode);
}
