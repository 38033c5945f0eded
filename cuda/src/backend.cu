/* The library as a whole: what runs, and what a processor's settings mean here. */
#include <cstdio>

#include "device.cuh"

#if defined(__CUDACC__)

extern "C" const char* adaspec_backend(void) {
    static thread_local char name[32];
    int device = 0;
    int major = 0;
    int minor = 0;
    if (cudaGetDevice(&device) != cudaSuccess || cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess
        || cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) != cudaSuccess) {
        return "cuda none";
    }
    snprintf(name, sizeof name, "cuda sm_%d%d", major, minor);
    return name;
}

#else

extern "C" const char* adaspec_backend(void) {
    return "cuda emulated";
}

#endif

extern "C" int32_t adaspec_set_threads(int32_t count) {
    REQUIRE(count >= 1 && count <= 4096, "set_threads: %d threads; between 1 and 4096 were expected", count);
    return ADASPEC_OK;
}
