/* A status becomes a sentence. */
#include "status.h"

#include <cstdarg>
#include <cstdio>

static thread_local char last_error[512];

int32_t adaspec_fail(int32_t status, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    return status;
}

extern "C" const char* adaspec_last_error(void) {
    return last_error;
}
