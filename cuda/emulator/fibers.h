/*
 * Fibers: many stacks on one operating-system thread, switched by hand. The emulator runs every CUDA thread as one.
 *
 * A switch saves the registers that a call preserves and takes another stack: about ten nanoseconds on x86-64, by ucontext elsewhere.
 * AddressSanitizer is told of every switch, or it would take one fiber's frames for another's.
 */
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

/* A stack that can be left and entered again. */
class Fiber {
public:
    /* Runs `entry` when first entered; `entry` must never return. The stack is the caller's. */
    void prepare(char* stack, size_t bytes, void (*entry)());

    /* Leaves `this`, which is running, and enters `next`; returns when somebody enters `this` again. last: `this` will never be entered again. */
    void switch_to(Fiber& next, bool last = false);

    /* The first thing `entry` must do. */
    void entered();

private:
    const void* stack_ = nullptr;
    size_t bytes_ = 0;
    void* sanitizer_ = nullptr;
    Fiber* from_ = nullptr;
#if defined(__x86_64__)
    void* stack_pointer_ = nullptr;
#else
    ucontext_t context_;
#endif
};

}  // namespace emulator
