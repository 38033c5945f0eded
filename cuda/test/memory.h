/*
 * Memory for tests' buffers, and waiting for the device. What a test is linked with decides: memory.cpp for a processor and the emulator, whose buffers
 * end flush at an unmapped page, so that one element read or written past the end stops the test (under AddressSanitizer one before the start too);
 * device_memory.cpp for a device, whose buffers lie in managed memory, which both sides read, between canaries. The end of a buffer is aligned
 * everywhere, its start is not.
 */
#pragma once

#include <stddef.h>
#include <string.h>

#include <string>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(start, bytes)
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
        ASAN_UNPOISON_MEMORY_REGION(data - CANARIES, CANARIES);
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

/* Waits for the device; what went wrong on it since the last time, or "". */
std::string device_failure();

/* Skips (77) where there is no device. */
void require_device();
