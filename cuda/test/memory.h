/*
 * Memory for tests' buffers, and waiting for the device.
 *
 * On a processor (and the emulator) a buffer ends flush at an unmapped page: one element read or written past the end stops the test. On a device
 * (ADASPEC_TEST_DEVICE) it lies in managed memory, which both sides read, between canaries; ADASPEC_TEST_TIGHT=1 leaves out those behind it, so that
 * compute-sanitizer sees what reaches past the end. Its end is aligned everywhere, its start is not.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#if defined(ADASPEC_TEST_DEVICE)
#include <cuda_runtime_api.h>
#endif

/* Canary bytes on each guarded side. */
const size_t CANARIES = 64;

/* `bytes` bytes at data, all of them 0xff (NaN), inside `held` bytes at region. */
struct GuardedMemory {
    char* region;
    size_t held;
    char* data;
    size_t bytes;
    size_t behind; /* canaries */
    bool managed = true;

    explicit GuardedMemory(size_t bytes);
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;
    ~GuardedMemory();

    /* Where a canary was overwritten, as a sentence; "" where none was. */
    std::string damage() const {
        for (size_t i = 1; i <= CANARIES; i++) {
            if (data[-(long)i] != 0x5a) {
                return "written " + std::to_string(i) + " bytes before a buffer of " + std::to_string(bytes);
            }
        }
        for (size_t i = 0; i < behind; i++) {
            if (data[bytes + i] != 0x5a) {
                return "written " + std::to_string(i) + " bytes past a buffer of " + std::to_string(bytes);
            }
        }
        return "";
    }

private:
    void lay(size_t end) {
        data = region + end - bytes;
        memset(region, 0xff, end);
        memset(data - CANARIES, 0x5a, CANARIES);
        memset(data + bytes, 0x5a, behind);
    }
};

#if defined(ADASPEC_TEST_DEVICE)

inline GuardedMemory::GuardedMemory(size_t bytes) : bytes(bytes) {
    const char* tight = getenv("ADASPEC_TEST_TIGHT");
    behind = tight != nullptr && tight[0] == '1' ? 0 : CANARIES;
    const size_t end = (CANARIES + bytes + 255) / 256 * 256;
    held = end + behind;
    void* memory = nullptr;
    cudaError_t status = cudaMallocManaged(&memory, held, cudaMemAttachGlobal);
    if (status != cudaSuccess && status != cudaErrorMemoryAllocation) {
        /* Not every virtual machine has it. The host's memory then, which the device reads over the bus. */
        cudaGetLastError();
        managed = false;
        status = cudaHostAlloc(&memory, held, cudaHostAllocMapped);
    }
    if (status != cudaSuccess) {
        fprintf(stderr, "no memory that both sides see for %zu bytes: %s\n", held, cudaGetErrorString(status));
        exit(1);
    }
    region = (char*)memory;
    lay(end);
}

inline GuardedMemory::~GuardedMemory() {
    managed ? cudaFree(region) : cudaFreeHost(region);
}

/* Waits for the device; what went wrong on it since the last time, or "". */
inline std::string device_failure() {
    const cudaError_t status = cudaDeviceSynchronize();
    return status == cudaSuccess ? "" : std::string("on the device: ") + cudaGetErrorString(status);
}

/* Skips (77) where there is no device. */
inline void require_device() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
        fprintf(stderr, "skipped: no CUDA device: %s\n", status != cudaSuccess ? cudaGetErrorString(status) : "none is there");
        exit(77);
    }
}

#else

inline GuardedMemory::GuardedMemory(size_t bytes) : bytes(bytes), behind(0) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t end = (bytes + CANARIES + page - 1) / page * page;
    held = end + page;
    region = (char*)mmap(nullptr, held, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED || mprotect(region + end, page, PROT_NONE) != 0) {
        fprintf(stderr, "no guarded memory\n");
        exit(1);
    }
    lay(end);
}

inline GuardedMemory::~GuardedMemory() {
    munmap(region, held);
}

inline std::string device_failure() {
    return "";
}

inline void require_device() {}

#endif
