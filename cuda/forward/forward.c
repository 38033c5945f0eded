/*
 * libcublas.so.12 in name and symbol versions, cuBLAS 13 in what it does: JCublas2, linked with cuBLAS 12, runs on a machine that has only 13. The
 * functions that it needs (cublas.def) have the same arguments in both.
 *
 * When it is loaded it opens $ADASPEC_CUBLAS, or libcublas.so.13 by the loader's rules, which finds one that the process has already. A function that
 * is missing there answers CUBLAS_STATUS_NOT_SUPPORTED; without a library all answer CUBLAS_STATUS_NOT_INITIALIZED.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_INITIALIZED 1
#define NOT_SUPPORTED 15

static int no_library(void) {
    return NOT_INITIALIZED;
}

static int no_function(void) {
    return NOT_SUPPORTED;
}

/* For functions that return a text. */
static const char* no_text(void) {
    return "cuBLAS was not found";
}

static const char* const names[] = {
#define CUBLAS(name) #name,
#include "cublas.def"
#undef CUBLAS
};

enum { COUNT = sizeof names / sizeof names[0] };

/* Where forward.S jumps, in the order of cublas.def. */
__attribute__((visibility("hidden"))) void* adaspec_cublas_targets[COUNT];

/* libcublasLt beside it first: not every build of cuBLAS says where to look for it. */
static void* open_file(const char* path) {
    const char* name = strrchr(path, '/');
    const char* at = strstr(name == NULL ? path : name, "libcublas.");
    char beside[PATH_MAX];
    if (at != NULL) {
        const int length = (int)(at - path);
        const int written = snprintf(beside, sizeof beside, "%.*slibcublasLt.%s", length, path, at + strlen("libcublas."));
        if (written > 0 && written < (int)sizeof beside) {
            dlopen(beside, RTLD_LAZY | RTLD_LOCAL);
        }
    }
    return dlopen(path, RTLD_LAZY | RTLD_LOCAL);
}

static int returns_text(const char* name) {
    return strcmp(name, "cublasGetStatusName") == 0 || strcmp(name, "cublasGetStatusString") == 0;
}

__attribute__((constructor)) static void open_cublas(void) {
    const char* named = getenv("ADASPEC_CUBLAS");
    void* library = open_file(named != NULL && named[0] != '\0' ? named : "libcublas.so.13");
    for (int i = 0; i < COUNT; i++) {
        void* target = library == NULL ? NULL : dlsym(library, names[i]);
        if (target == NULL) {
            target = returns_text(names[i]) ? (void*)no_text : library == NULL ? (void*)no_library : (void*)no_function;
        }
        adaspec_cublas_targets[i] = target;
    }
}
