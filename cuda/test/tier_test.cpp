/* A tier that is forced and unknown is refused by every operation with a sentence; nothing falls back. Run with ADASPEC_CPU_TIER=abacus. */
#include <stdio.h>
#include <string.h>

#include "adaspec.h"

int main() {
    float x[1] = {1};
    int32_t id[1] = {0};
    const adaspec_draw greedy = {0, 0, 0, 0, 0, 1};
    int failures = 0;
    const int32_t statuses[] = {adaspec_add(x, x, x, 1, nullptr), adaspec_gelu_forward(x, x, 0, 1, nullptr),
                                adaspec_sample(id, nullptr, x, ADASPEC_F32, 1, &greedy, 0, 0, 1, 1, nullptr)};
    for (int32_t status : statuses) {
        failures += status != ADASPEC_DEVICE_ERROR;
    }
    failures += strstr(adaspec_last_error(), "ADASPEC_CPU_TIER is not a tier; avx512, avx2 or baseline was expected") == nullptr;
    failures += strcmp(adaspec_backend(), "cpu none") != 0;
    failures += x[0] != 1;
    if (failures > 0) {
        fprintf(stderr, "%d checks failed: %s, %s\n", failures, adaspec_backend(), adaspec_last_error());
    }
    return failures > 0;
}
