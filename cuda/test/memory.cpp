/* The processor's memory for tests' buffers. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

GuardedMemory::GuardedMemory(size_t bytes) : bytes(bytes), behind(0) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t end = (bytes + CANARIES + page - 1) / page * page;
    held = end + page;
    region = (char*)mmap(nullptr, held, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED || mprotect(region + end, page, PROT_NONE) != 0) {
        fprintf(stderr, "no guarded memory\n");
        exit(1);
    }
    lay(end);
    ASAN_POISON_MEMORY_REGION(region, (size_t)(data - region));
}

GuardedMemory::~GuardedMemory() {
    ASAN_UNPOISON_MEMORY_REGION(region, held);
    munmap(region, held);
}

std::string device_failure() {
    return "";
}

void require_device() {}
