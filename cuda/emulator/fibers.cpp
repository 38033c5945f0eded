#include "fibers.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
/* emulator_switch(void** save, void* enter): pushes what a call preserves, swaps the stacks, pops the same on the other side. */
__asm__(R"(
    .text
    .globl emulator_switch
    .type emulator_switch, @function
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulator_switch, . - emulator_switch
)");
extern "C" void emulator_switch(void** save, void* enter);
#endif

namespace emulator {

void Fiber::prepare(char* stack, size_t bytes, void (*entry)()) {
    stack_ = stack;
    bytes_ = bytes;
    sanitizer_ = nullptr;
#if defined(__x86_64__)
    /* As if `entry` had been called: its return address lies 16-byte aligned above six saved registers. */
    void** top = reinterpret_cast<void**>(stack + bytes - 64);
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; i++) {
        *--top = nullptr;
    }
    stack_pointer_ = top;
#else
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack;
    context_.uc_stack.ss_size = bytes;
    context_.uc_link = nullptr;
    makecontext(&context_, entry, 0);
#endif
}

void Fiber::switch_to(Fiber& next, bool last) {
    next.from_ = this;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(last ? nullptr : &sanitizer_, next.stack_, next.bytes_);
#else
    (void)last;
#endif
#if defined(__x86_64__)
    emulator_switch(&stack_pointer_, next.stack_pointer_);
#else
    swapcontext(&context_, &next.context_);
#endif
    entered();
}

void Fiber::entered() {
#if defined(__SANITIZE_ADDRESS__)
    /* Learns, when entered from it, where the operating-system thread's own stack lies. */
    __sanitizer_finish_switch_fiber(sanitizer_, &from_->stack_, &from_->bytes_);
#endif
}

}  // namespace emulator
