/* The header is plain C11, and including it twice is harmless. */
#include "adaspec.h"
#include "adaspec.h"

#include <stdio.h>

_Static_assert(sizeof(adaspec_head_layout) == 9 * sizeof(int32_t), "the head layout has padding");

int main(void) {
    if (adaspec_set_threads(0) != ADASPEC_INVALID_ARGUMENT) {
        fprintf(stderr, "zero threads were accepted\n");
        return 1;
    }
    printf("%s: %s\n", adaspec_backend(), adaspec_last_error());
    return 0;
}
