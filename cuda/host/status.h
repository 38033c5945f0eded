/* Statuses and their sentences. */
#pragma once

#include "adaspec.h"

/* Sets the calling thread's sentence (printf style) and returns `status`. */
__attribute__((format(printf, 2, 3))) int32_t adaspec_fail(int32_t status, const char* format, ...);

/* Returns ADASPEC_INVALID_ARGUMENT with a sentence from the enclosing function unless `condition` holds. */
#define REQUIRE(condition, ...)                                            \
    do {                                                                   \
        if (!(condition)) {                                                \
            return adaspec_fail(ADASPEC_INVALID_ARGUMENT, __VA_ARGS__);    \
        }                                                                  \
    } while (0)
