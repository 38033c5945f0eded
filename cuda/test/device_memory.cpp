/* A device's memory for tests' buffers. ADASPEC_TEST_TIGHT=1 leaves out the canaries behind them, so that compute-sanitizer sees what reaches past the end. */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"

GuardedMemory::GuardedMemory(size_t bytes) : bytes(bytes) {
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

GuardedMemory::~GuardedMemory() {
    managed ? cudaFree(region) : cudaFreeHost(region);
}

std::string device_failure() {
    const cudaError_t status = cudaDeviceSynchronize();
    return status == cudaSuccess ? "" : std::string("on the device: ") + cudaGetErrorString(status);
}

void require_device() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
        fprintf(stderr, "skipped: no CUDA device: %s\n", status != cudaSuccess ? cudaGetErrorString(status) : "none is there");
        exit(77);
    }
}
