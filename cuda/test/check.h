/*
 * What every native test stands on: a comparison that NaN cannot pass, guarded memory, numbers from a seed, and runs that must give the same bits for
 * any number of threads. The same tests run on a processor, on the emulated kernels and on a device: every pointer that an operation is given comes
 * from a Buffer, and CHECK_OK waits until its results are there.
 */
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adaspec.h"
#include "memory.h"

/* True where got is within the tolerance of want; NaN equals only NaN, an infinity only itself. Written so that a NaN difference fails. */
inline bool is_close(double got, double want, double absolute, double relative) {
    if (isnan(want) || isnan(got)) {
        return isnan(want) && isnan(got);
    }
    if (isinf(want) || isinf(got)) {
        return got == want;
    }
    return fabs(got - want) <= absolute + relative * fabs(want);
}

inline int failures = 0;

inline void fail(const char* file, int line, const std::string& sentence) {
    failures++;
    if (failures <= 20) {
        fprintf(stderr, "%s:%d: %s\n", file, line, sentence.c_str());
    }
}

template <class... Arguments>
std::string text(const char* format, Arguments... arguments) {
    char line[512];
    snprintf(line, sizeof line, format, arguments...);
    return line;
}

#define CHECK(condition, ...)                                                                    \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fail(__FILE__, __LINE__, std::string(#condition) + " does not hold: " + text(__VA_ARGS__)); \
        }                                                                                        \
    } while (0)

#define CHECK_OK(call)                                                                         \
    do {                                                                                       \
        if ((call) != ADASPEC_OK) {                                                            \
            fail(__FILE__, __LINE__, std::string(#call) + " failed: " + adaspec_last_error()); \
        }                                                                                      \
        const std::string failure_ = device_failure();                                         \
        if (!failure_.empty()) {                                                               \
            fail(__FILE__, __LINE__, std::string(#call) + " failed " + failure_);              \
        }                                                                                      \
    } while (0)

/* The call must be refused with a sentence that holds `words`. */
#define CHECK_REFUSED(call, words)                                                                                          \
    do {                                                                                                                    \
        if ((call) != ADASPEC_INVALID_ARGUMENT || strstr(adaspec_last_error(), words) == nullptr) {                         \
            fail(__FILE__, __LINE__, std::string(#call) + " was not refused with \"" + words + "\": " + adaspec_last_error()); \
        }                                                                                                                   \
    } while (0)

/* The library's kernels run on a GPU, or as if: what lies in device memory is not looked at before a kernel runs. */
inline bool on_gpu() {
    return strncmp(adaspec_backend(), "cuda", 4) == 0;
}

/* The kernels run on the emulator, where every thread of theirs costs a processor's time. */
inline bool emulated() {
    return strcmp(adaspec_backend(), "cuda emulated") == 0;
}

/* A refusal of what lies in device memory, which only a processor sees in time. */
#define CHECK_REFUSED_BY_PROCESSOR(call, words) \
    do {                                        \
        if (!on_gpu()) {                        \
            CHECK_REFUSED(call, words);         \
        }                                       \
    } while (0)

#define CHECK_CLOSE(got, want, absolute, relative, ...)                                                                              \
    do {                                                                                                                             \
        const double got_ = (got);                                                                                                   \
        const double want_ = (want);                                                                                                 \
        if (!is_close(got_, want_, absolute, relative)) {                                                                            \
            fail(__FILE__, __LINE__, text("%s is %.9g, %.9g was expected: ", #got, got_, want_) + text(__VA_ARGS__));                \
        }                                                                                                                            \
    } while (0)

/* SplitMix64 and what is drawn from it. */
struct Random {
    uint64_t state;

    explicit Random(uint64_t seed) : state(seed) {}

    uint64_t next() {
        uint64_t z = (state += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    double uniform() {
        return (double)(next() >> 11) * 0x1p-53;
    }
    float normal() {
        return (float)(sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform()));
    }
    int64_t below(int64_t n) {
        return (int64_t)(next() % (uint64_t)n);
    }
};

/* n elements in guarded memory, NaN bits at first. */
template <class T>
struct Buffer {
    GuardedMemory memory;
    T* data;
    int64_t n;

    explicit Buffer(int64_t n) : memory((size_t)n * sizeof(T)), data((T*)memory.data), n(n) {}
    Buffer(int64_t n, const std::function<T(int64_t)>& value) : Buffer(n) {
        for (int64_t i = 0; i < n; i++) {
            data[i] = value(i);
        }
    }
    ~Buffer() {
        const std::string damage = memory.damage();
        CHECK(damage.empty(), "%s", damage.c_str());
    }
    T& operator[](int64_t i) {
        return data[i];
    }
    const T& operator[](int64_t i) const {
        return data[i];
    }
    operator T*() {
        return data;
    }
    std::vector<T> copy() const {
        return std::vector<T>(data, data + n);
    }
    void fill(const std::vector<T>& values) {
        memcpy(data, values.data(), values.size() * sizeof(T));
    }
};

typedef Buffer<float> Floats;
typedef Buffer<int32_t> Ints;
typedef Buffer<adaspec_draw> Draws;

inline std::function<float(int64_t)> normals(uint64_t seed, float scale = 1) {
    auto random = std::make_shared<Random>(seed);
    return [random, scale](int64_t) { return scale * random->normal(); };
}

inline std::function<float(int64_t)> zeros() {
    return [](int64_t) { return 0.0f; };
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/* run() gives its results as floats; 1, 2, 3 and 7 threads must give the same bits. Leaves the library with 2 threads. */
inline void check_threads(const char* what, const std::function<std::vector<float>()>& run) {
    CHECK_OK(adaspec_set_threads(1));
    const std::vector<float> expected = run();
    for (int threads : {2, 3, 7}) {
        CHECK_OK(adaspec_set_threads(threads));
        CHECK(same_bits(expected, run()), "%s with %d threads differs from one thread", what, threads);
    }
    CHECK_OK(adaspec_set_threads(2));
}

inline std::vector<float> join(std::initializer_list<const std::vector<float>*> parts) {
    std::vector<float> all;
    for (const std::vector<float>* part : parts) {
        all.insert(all.end(), part->begin(), part->end());
    }
    return all;
}

/* The bits of a stored type, rounded to nearest even (finite values). */
inline uint16_t to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float from_bf16(uint16_t x) {
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

inline uint16_t to_f16(float x) {
    const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    const double magnitude = fabs((double)x);
    if (!(magnitude < 65520)) {
        return sign | (isnan(x) ? 0x7e00 : 0x7c00);
    }
    const int exponent = magnitude < 0x1p-14 ? -14 : ilogb(magnitude);
    return sign | (uint16_t)((exponent + 14) * 1024 + (int)nearbyint(ldexp(magnitude, 10 - exponent)));
}

inline double from_f16(uint16_t x) {
    const int exponent = x >> 10 & 31;
    const int mantissa = x & 1023;
    const double sign = x & 0x8000 ? -1 : 1;
    if (exponent == 31) {
        return mantissa ? NAN : sign * INFINITY;
    }
    return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25));
}

inline uint16_t narrowed(float x, int32_t type) {
    return type == ADASPEC_BF16 ? to_bf16(x) : to_f16(x);
}

inline float widened(uint16_t x, int32_t type) {
    return type == ADASPEC_BF16 ? from_bf16(x) : (float)from_f16(x);
}

/*
 * n elements of a stored type beside their values in f32. What is written through [] is rounded to the type by store(), which comes before the elements
 * are handed out; load() reads them back.
 */
struct Stored {
    int32_t type;
    Floats values;
    Buffer<uint16_t> narrow;

    Stored(int32_t type, int64_t n, const std::function<float(int64_t)>& value) : type(type), values(n, value), narrow(type == ADASPEC_F32 ? 0 : n) {
        store();
    }
    Stored(int32_t type, int64_t n) : Stored(type, n, [](int64_t) { return NAN; }) {}

    void store() {
        for (int64_t i = 0; i < narrow.n; i++) {
            narrow[i] = narrowed(values[i], type);
        }
        load();
    }
    void load() {
        for (int64_t i = 0; i < narrow.n; i++) {
            values[i] = widened(narrow[i], type);
        }
    }
    float& operator[](int64_t i) {
        return values[i];
    }
    const float& operator[](int64_t i) const {
        return values[i];
    }
    /* Element i. */
    void* at(int64_t i) {
        return type == ADASPEC_F32 ? (void*)(values.data + i) : (void*)(narrow.data + i);
    }
};

/* Skips (77) where there is no device, or the forced tier needs instructions the processor lacks; anything else than that tier is a failure. */
inline void require_tier() {
    require_device();
    if (on_gpu()) {
        return;
    }
    Floats x(1, zeros());
    if (adaspec_add(x, x, x, 1, nullptr) == ADASPEC_DEVICE_ERROR) {
        fprintf(stderr, "skipped: %s\n", adaspec_last_error());
        exit(77);
    }
    const char* tier = getenv("ADASPEC_CPU_TIER");
    if (tier != nullptr) {
        CHECK(std::string(adaspec_backend()) == std::string("cpu ") + tier, "the backend is %s", adaspec_backend());
    }
    CHECK_OK(adaspec_set_threads(2));
}

inline int finish() {
    if (failures > 0) {
        fprintf(stderr, "%d checks failed\n", failures);
    }
    return failures == 0 ? 0 : 1;
}

/* Sizes around the widths of vectors and blocks, none of them a power of two but the last. */
inline const std::vector<int64_t> SIZES = {1, 3, 31, 33, 255, 257, 512};
