/*
 * Rows of logits in f32, bf16 or f16, 16 bytes at a time: 4 or 8 ids a vector. Vector i of a row is its ids N i .. N i + N - 1 wherever the row lies in
 * memory: a row that is aligned is read by whole vectors, one that is not by its elements, into the same places of the same threads, so that results do
 * not depend on alignment. Past the row's end are logits of -inf, which weigh nothing; v need not be a multiple of anything, and what lies between the
 * rows is neither read nor written.
 */
#pragma once

#include "element.cuh"

constexpr int VECTOR_BYTES = 16;

/* Elements of a vector. */
template <class Type>
constexpr int LANES = VECTOR_BYTES / (int)sizeof(typename Type::element);

/* The longest row: ids of a row are counted in 32 bits, which leaves registers to the numbers. */
constexpr int64_t MOST_IDS = 1 << 30;

inline int64_t element_bytes(int32_t type) {
    return type == ADASPEC_F32 ? 4 : 2;
}

/* Whether every row of x, `ld` elements apart, begins at a vector. NULL has no rows. */
inline bool is_aligned(const void* x, int64_t ld, int32_t type) {
    return x == nullptr || (reinterpret_cast<uintptr_t>(x) % VECTOR_BYTES == 0 && ld * element_bytes(type) % VECTOR_BYTES == 0);
}

/* Of rows that other walks or other blocks read again, and of rows that are read once and perhaps overwritten. */
struct ReadAgain {
    template <class T>
    static DEVICE T load(const T* p) {
        return __ldg(p);
    }
};

struct ReadOnce {
    template <class T>
    static DEVICE T load(const T* p) {
        return __ldcs(p);
    }
};

/* A vector as it is stored. */
template <class Type>
struct StoredVector {
    static constexpr int N = LANES<Type>;

    uint4 words;

    DEVICE void widen(float (&x)[N]) const {
        const uint32_t w[4] = {words.x, words.y, words.z, words.w};
        UNROLL
        for (int i = 0; i < 4; i++) {
            if constexpr (N == 4) {
                x[i] = __uint_as_float(w[i]);
            } else {
                x[2 * i] = Type::widen((uint16_t)(w[i] & 0xffffu));
                x[2 * i + 1] = Type::widen((uint16_t)(w[i] >> 16));
            }
        }
    }

    static DEVICE StoredVector narrow(const float (&x)[N]) {
        uint32_t w[4];
        UNROLL
        for (int i = 0; i < 4; i++) {
            if constexpr (N == 4) {
                w[i] = __float_as_uint(x[i]);
            } else {
                w[i] = Type::narrow_pair(x[2 * i], x[2 * i + 1]);
            }
        }
        return {uint4{w[0], w[1], w[2], w[3]}};
    }

    /* Ids j .. j + N - 1 of a row of v. */
    template <class Read, bool ALIGNED>
    static DEVICE StoredVector load(const typename Type::element* row, int32_t j, int32_t v) {
        if (ALIGNED && j + N <= v) {
            return {Read::load(reinterpret_cast<const uint4*>(row + j))};
        }
        uint32_t w[4] = {};
        UNROLL
        for (int i = 0; i < N; i++) {
            const typename Type::element x = j + i < v ? Read::load(row + j + i) : Type::minus_infinity();
            if constexpr (N == 4) {
                w[i] = __float_as_uint(x);
            } else {
                w[i / 2] |= (uint32_t)x << 16 * (i % 2);
            }
        }
        return {uint4{w[0], w[1], w[2], w[3]}};
    }

    template <bool ALIGNED>
    DEVICE void store(typename Type::element* row, int32_t j, int32_t v) const {
        if (ALIGNED && j + N <= v) {
            __stcs(reinterpret_cast<uint4*>(row + j), words);
            return;
        }
        const uint32_t w[4] = {words.x, words.y, words.z, words.w};
        UNROLL
        for (int i = 0; i < N; i++) {
            if (j + i < v) {
                if constexpr (N == 4) {
                    row[j + i] = __uint_as_float(w[i]);
                } else {
                    row[j + i] = (uint16_t)(w[i / 2] >> 16 * (i % 2));
                }
            }
        }
    }
};

/*
 * f(j, x) over the vectors of ROWS rows of v ids that fall to this thread of THREADS, in ascending order: x[r][i] is logit j + i of row r. The next
 * vectors are on their way while f works on these.
 */
template <class Type, bool ALIGNED, class Read, int THREADS, int ROWS, class F>
DEVICE void walk_logits(const typename Type::element* const (&rows)[ROWS], int32_t v, F f) {
    constexpr int N = LANES<Type>;
    StoredVector<Type> next[ROWS];
    int32_t j = (int32_t)threadIdx.x * N;
    if (j < v) {
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            next[r] = StoredVector<Type>::template load<Read, ALIGNED>(rows[r], j, v);
        }
    }
    while (j < v) {
        const int32_t after = j + THREADS * N;
        float x[ROWS][N];
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            next[r].widen(x[r]);
        }
        if (after < v) {
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                next[r] = StoredVector<Type>::template load<Read, ALIGNED>(rows[r], after, v);
            }
        }
        f(j, x);
        j = after;
    }
}
