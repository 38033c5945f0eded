/*
 * Rows of stored logits, read by groups of eight neighbours: one 16-byte word of bf16 or f16, two of f32. A group is the smallest thing that sums of
 * weights are made of; a row ends in a group that may lack members, which read as -inf.
 */
#pragma once

#include "logits.cuh"

constexpr int GROUP = 8;
constexpr int32_t ANY_TYPE = -1;

template <int32_t TYPE>
struct StoredType;
template <>
struct StoredType<ADASPEC_F32> : F32 {};
template <>
struct StoredType<ADASPEC_BF16> : BF16 {};
template <>
struct StoredType<ADASPEC_F16> : F16 {};

/* Eight at the beginning of a vector, in shared or global memory. */
template <class Type>
DEVICE void load_group(const typename Type::element* x, float (&out)[GROUP]) {
    constexpr int N = LANES<Type>;
    UNROLL
    for (int first = 0; first < GROUP; first += N) {
        float lanes[N];
        StoredVector<Type>{*reinterpret_cast<const uint4*>(x + first)}.widen(lanes);
        UNROLL
        for (int i = 0; i < N; i++) {
            out[first + i] = lanes[i];
        }
    }
}

/* A row of v logits of TYPE, or of `type` where that is ANY_TYPE. */
template <int32_t TYPE>
struct Row {
    static constexpr int32_t STORED = TYPE;

    const unsigned char* x;
    int32_t v;
    int32_t type;
    bool aligned; /* begins at a vector */
    /* Where group 0 would lie in shared memory, which has this block's groups; null: nowhere. */
    const unsigned char* shared;

    template <class F>
    DEVICE auto with_stored(F f) const {
        if constexpr (TYPE != ANY_TYPE) {
            return f(StoredType<TYPE>());
        } else {
            return type == ADASPEC_F32 ? f(F32()) : type == ADASPEC_BF16 ? f(BF16()) : f(F16());
        }
    }

    DEVICE void group(int32_t g, float (&out)[GROUP]) const {
        const int32_t first = g * GROUP;
        with_stored([&](auto stored) {
            typedef decltype(stored) Type;
            typedef typename Type::element element;
            if (first + GROUP <= v && (shared != nullptr || aligned)) {
                load_group<Type>(reinterpret_cast<const element*>(shared != nullptr ? shared : x) + first, out);
                return 0;
            }
            UNROLL
            for (int e = 0; e < GROUP; e++) {
                out[e] = first + e < v ? Type::widen(reinterpret_cast<const element*>(x)[first + e]) : -INFINITY;
            }
            return 0;
        });
    }

    /* From global memory. */
    DEVICE float at(int32_t id) const {
        return with_stored([&](auto stored) {
            typedef decltype(stored) Type;
            return Type::widen(reinterpret_cast<const typename Type::element*>(x)[id]);
        });
    }
};
