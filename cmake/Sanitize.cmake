# Sanitizers for the processor's library and its tests (bench/sanitize.sh): ADASPEC_SANITIZE=address is AddressSanitizer and UndefinedBehaviorSanitizer,
# =thread ThreadSanitizer. What they find ends the test. A sanitized build has these tests alone: the emulator's fibers swap stacks behind a sanitizer's
# back, and emulator_test has an address sanitizer of its own.

set(ADASPEC_SANITIZE "" CACHE STRING "address, thread or nothing")

if(ADASPEC_SANITIZE STREQUAL "address")
    # A float that its integer cannot hold is undefined too, but not in the default set.
    set(sanitize -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(ADASPEC_SANITIZE STREQUAL "thread")
    set(sanitize -fsanitize=thread -fno-omit-frame-pointer)
elseif(ADASPEC_SANITIZE)
    message(FATAL_ERROR "ADASPEC_SANITIZE is ${ADASPEC_SANITIZE}; address or thread was expected")
endif()
if(ADASPEC_SANITIZE)
    add_compile_options(${sanitize} -g1)
    add_link_options(${sanitize})
endif()
