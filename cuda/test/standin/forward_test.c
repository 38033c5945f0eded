/* forward_test LIBRARY found|missing: what the forwarding library answers with cuBLAS 13 behind it, and without. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define SUCCESS 0
#define NOT_INITIALIZED 1
#define NOT_SUPPORTED 15

static int failures;

static void check(const char* what, long got, long want) {
    if (got != want) {
        printf("%s: %ld, not %ld\n", what, got, want);
        failures++;
    }
}

/* By the version that JCublas2 asks for. */
static void* function(void* library, const char* name) {
    void* found = dlvsym(library, name, "libcublas.so.12");
    if (found == NULL) {
        printf("no %s of the version libcublas.so.12\n", name);
        failures++;
    }
    return found;
}

int main(int count, char** arguments) {
    if (count != 3) {
        return 2;
    }
    const int found = strcmp(arguments[2], "found") == 0;
    void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        printf("%s\n", dlerror());
        return 1;
    }
    check("loaded by its soname", dlopen("libcublas.so.12", RTLD_NOW | RTLD_NOLOAD) == library, 1);
    int (*create)(void**) = (int (*)(void**))function(library, "cublasCreate_v2");
    int (*property)(int, int*) = (int (*)(int, int*))function(library, "cublasGetProperty");
    int (*absent)(void) = (int (*)(void))function(library, "cublasSgemm_v2");
    const char* (*text)(int) = (const char* (*)(int))function(library, "cublasGetStatusString");
    if (failures == 0) {
        void* handle = NULL;
        int major = 0;
        check("create", create(&handle), found ? SUCCESS : NOT_INITIALIZED);
        check("property", property(0, &major), found ? SUCCESS : NOT_INITIALIZED);
        check("major version", major, found ? 13 : 0);
        check("a function that the library lacks", absent(), found ? NOT_SUPPORTED : NOT_INITIALIZED);
        check("a text", strlen(text(0)) > 0, 1);
    }
    if (found) {
        const char* (*calls)(void) = (const char* (*)(void))dlsym(dlopen("libcublas.so.13", RTLD_NOW | RTLD_NOLOAD), "standin_calls");
        check("libcublasLt was loaded first", strncmp(calls(), "loaded after libcublasLt\ncreate\n", 32) == 0, 1);
    }
    return failures != 0;
}
