/*
 * Chooses one of the compiled tiers of the operations when the library is loaded. The ABI symbols are jumps through a table, so that one line serves
 * any prototype. ADASPEC_CPU_TIER=avx512|avx2|baseline forces a tier (for tests); one that is unknown or that the processor lacks makes every
 * operation fail with a sentence, never a silent fall-back.
 *
 * Where there is one tier only (not x86-64), the operations carry the ABI names themselves and only adaspec_backend is defined here.
 */
#include <cstdlib>
#include <cstring>

#include "operations.h"
#include "status.h"

#if defined(__x86_64__)

#define DECLARE(name)                               \
    extern "C" void adaspec_##name##_avx512(void);   \
    extern "C" void adaspec_##name##_avx2(void);     \
    extern "C" void adaspec_##name##_baseline(void); \
    extern "C" __attribute__((visibility("hidden"))) void (*adaspec_##name##_chosen)(void);
ADASPEC_OPERATIONS(DECLARE)

/* The arguments are already where the callee expects them: jump, do not call. */
#define DEFINE_DOOR(name)                                   \
    void (*adaspec_##name##_chosen)(void) = nullptr;        \
    __asm__(".text\n"                                       \
            ".globl adaspec_" #name "\n"                    \
            ".type adaspec_" #name ", @function\n"          \
            ".p2align 4\n"                                  \
            "adaspec_" #name ":\n"                          \
            "    .cfi_startproc\n"                          \
            "    endbr64\n"                                 \
            "    jmp *adaspec_" #name "_chosen(%rip)\n"     \
            "    .cfi_endproc\n"                            \
            ".size adaspec_" #name ", . - adaspec_" #name "\n");
ADASPEC_OPERATIONS(DEFINE_DOOR)

static const char* backend = "cpu none";
static const char* refusal = "";

static int32_t refuse(void) {
    return adaspec_fail(ADASPEC_DEVICE_ERROR, "%s", refusal);
}

__attribute__((constructor)) static void choose_tier(void) {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
        && __builtin_cpu_supports("bmi2");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
    const char* forced = getenv("ADASPEC_CPU_TIER");
    const char* tier = forced != nullptr && *forced != '\0' ? forced : avx512 ? "avx512" : avx2 ? "avx2" : "baseline";

#define CHOOSE(name, tier) adaspec_##name##_chosen = adaspec_##name##_##tier;
#define CHOOSE_AVX512(name) CHOOSE(name, avx512)
#define CHOOSE_AVX2(name) CHOOSE(name, avx2)
#define CHOOSE_BASELINE(name) CHOOSE(name, baseline)
#define CHOOSE_REFUSAL(name) adaspec_##name##_chosen = reinterpret_cast<void (*)(void)>(refuse);
    if (strcmp(tier, "avx512") == 0 && avx512) {
        ADASPEC_OPERATIONS(CHOOSE_AVX512)
        backend = "cpu avx512";
    } else if (strcmp(tier, "avx2") == 0 && avx2) {
        ADASPEC_OPERATIONS(CHOOSE_AVX2)
        backend = "cpu avx2";
    } else if (strcmp(tier, "baseline") == 0) {
        ADASPEC_OPERATIONS(CHOOSE_BASELINE)
        backend = "cpu baseline";
    } else {
        ADASPEC_OPERATIONS(CHOOSE_REFUSAL)
        const bool known = strcmp(tier, "avx512") == 0 || strcmp(tier, "avx2") == 0;
        refusal = known ? "ADASPEC_CPU_TIER asks for instructions that this processor lacks; unset it or set it to a lower tier"
                        : "ADASPEC_CPU_TIER is not a tier; avx512, avx2 or baseline was expected";
    }
}

#else

static const char* backend = "cpu baseline";

#endif

extern "C" const char* adaspec_backend(void) {
    return backend;
}
