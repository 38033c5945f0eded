/*
 * Attention over key-value caches, and filling them.
 *
 * The keys go by blocks of 32 to 64 slices, block b to slice b % 64; a warp has a slice, eight warps share a block and eight blocks a cluster. The states of
 * the warps are merged in order, then those of the blocks; so a row's bits depend on the keys it sees, not on the rows beside it. Where there are no clusters,
 * or blocks enough without, a block has the eight parts of a cluster in turn, to the same bits.
 *
 * A block takes up to QUERIES queries of the heads that share a key head, and of consecutive rows of a sequence: the cache is read once for all of them. Of
 * a sequence's rows the first of each so many has a block that does something.
 */
#include "../host/heads.h"
#include "attend.cuh"

namespace {

constexpr int WARPS = 8;
constexpr int THREADS = WARPS * WARP;
/* Blocks of a cluster, and keys from one block of a slice to the next. */
constexpr int RANKS = 8;
constexpr int STRIDE = RANKS * WARPS * WARP;

/* A row's sequence: its rows, where row i is in the cache, and where its slot begins. */
struct Place {
    int64_t begin;
    int64_t end;
    int64_t position;
    int64_t slot;
};

/* Where rows have their caches. starts null: one sequence of `rows`, at `position` of the first slot. */
struct Caches {
    const int32_t* starts;
    const int32_t* positions;
    const int32_t* slots;
    int64_t sequences;
    int64_t slot_stride;
    int64_t capacity;
    int64_t position;
    int64_t rows;

    DEVICE Place find(int64_t i) const {
        if (starts == nullptr) {
            return {0, rows, position + i, 0};
        }
        /* The last sequence that does not begin after the row: those without rows that begin there come before it. */
        int64_t low = 0;
        int64_t high = sequences - 1;
        while (low < high) {
            const int64_t middle = (low + high + 1) / 2;
            if (starts[middle] <= i) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return {starts[low], starts[low + 1], positions[low] + (i - starts[low]), (slots != nullptr ? slots[low] : low) * slot_stride};
    }
};

__global__ void __launch_bounds__(THREADS) append_kernel(float* keys, float* values, const float* qkv, adaspec_head_layout l, Caches caches) {
    const int64_t i = blockIdx.x;
    const float* row = qkv + i * l.row_width;
    const Place place = caches.find(i);
    for (int e = (int)threadIdx.x; e < l.kv_heads * l.head_dim; e += THREADS) {
        const int head = e / l.head_dim;
        const int channel = e % l.head_dim;
        const int64_t at = place.slot + (head * caches.capacity + place.position) * l.head_dim + channel;
        keys[at] = row[key_at(l, head) + channel];
        values[at] = row[value_at(l, head) + channel];
    }
}

/* A state in shared memory: (2 + CHANNELS, WARP) floats. */
template <int CHANNELS>
DEVICE void put_state(float* to, const Attended<CHANNELS>& state) {
    const int lane = (int)threadIdx.x % WARP;
    to[lane] = state.largest;
    to[WARP + lane] = state.sum;
    UNROLL
    for (int c = 0; c < CHANNELS; c++) {
        to[(2 + c) * WARP + lane] = state.channels[c];
    }
}

template <int CHANNELS>
DEVICE Attended<CHANNELS> get_state(const float* from) {
    const int lane = (int)threadIdx.x % WARP;
    Attended<CHANNELS> state;
    state.largest = from[lane];
    state.sum = from[WARP + lane];
    UNROLL
    for (int c = 0; c < CHANNELS; c++) {
        state.channels[c] = from[(2 + c) * WARP + lane];
    }
    return state;
}

/* scores[q] = query q (QUERIES, dim) times the key, each in the order of channels. */
template <int QUERIES>
DEVICE void score_key(float (&scores)[QUERIES], const float* queries, const float* key, int dim, bool by_four) {
    UNROLL
    for (int q = 0; q < QUERIES; q++) {
        scores[q] = 0;
    }
    if (by_four) {
        for (int c = 0; c < dim; c += 4) {
            const float4 k = __ldg(reinterpret_cast<const float4*>(key + c));
            UNROLL
            for (int q = 0; q < QUERIES; q++) {
                const float4 x = *reinterpret_cast<const float4*>(queries + q * dim + c);
                scores[q] = fmaf(x.w, k.w, fmaf(x.z, k.z, fmaf(x.y, k.y, fmaf(x.x, k.x, scores[q]))));
            }
        }
    } else {
        for (int c = 0; c < dim; c++) {
            UNROLL
            for (int q = 0; q < QUERIES; q++) {
                scores[q] = fmaf(queries[q * dim + c], key[c], scores[q]);
            }
        }
    }
}

/* The keys that each query of a block sees, and the cache of their key head. */
template <int QUERIES>
struct Seen {
    const float* keys;
    const float* values;
    int64_t most;
    int64_t by[QUERIES];
};

/* Adds the keys of slice `slice` to the states. */
template <int CHANNELS, int QUERIES>
DEVICE void attend_slice(
    Attended<CHANNELS> (&states)[QUERIES], const float* queries, const Seen<QUERIES>& seen, int slice, int dim, bool by_four) {
    const int lane = (int)threadIdx.x % WARP;
    for (int64_t first = (int64_t)slice * WARP; first < seen.most; first += STRIDE) {
        float weights[QUERIES] = {};
        if (first + lane < seen.most) {
            score_key(weights, queries, seen.keys + (first + lane) * dim, dim, by_four);
        }
        UNROLL
        for (int q = 0; q < QUERIES; q++) {
            if (first < seen.by[q]) {
                weights[q] = states[q].weigh(first + lane < seen.by[q] ? weights[q] : MINUS_INFINITY);
            }
        }
        const int count = seen.most - first < WARP ? (int)(seen.most - first) : WARP;
        UNROLL_4
        for (int j = 0; j < count; j++) {
            const float* value = seen.values + (first + j) * dim;
            float channels[CHANNELS];
            UNROLL
            for (int c = 0; c < CHANNELS; c++) {
                const int channel = lane + c * WARP;
                channels[c] = channel < dim ? value[channel] : 0.0f;
            }
            UNROLL
            for (int q = 0; q < QUERIES; q++) {
                const float factor = __shfl_sync(ALL_LANES, weights[q], j);
                /* What a query does not see does not reach it even as 0 NaN. */
                if (first + j < seen.by[q]) {
                    UNROLL
                    for (int c = 0; c < CHANNELS; c++) {
                        states[q].channels[c] = fmaf(factor, channels[c], states[q].channels[c]);
                    }
                }
            }
        }
    }
}

/* heads: of a block; rows of a block are QUERIES / heads. by_four: keys begin at multiples of 16 bytes. */
template <int CHANNELS, int QUERIES, bool CLUSTERED>
__global__ void __launch_bounds__(THREADS, 1) decode_kernel(
    float* out, const float* qkv, adaspec_head_layout l, const float* keys, const float* values, Caches caches, float scale, int heads, bool by_four) {
    static_assert(QUERIES <= WARPS && QUERIES <= RANKS);
    constexpr int STATE = (2 + CHANNELS) * WARP;
    const int64_t i = blockIdx.x / (CLUSTERED ? RANKS : 1);
    const int warp = (int)threadIdx.x / WARP;
    const int lane = (int)threadIdx.x % WARP;
    const int dim = l.head_dim;
    const int group = l.query_heads / l.kv_heads;
    const int parts = (group + heads - 1) / heads;
    const int kv_head = (int)blockIdx.y / parts;
    const int first_head = kv_head * group + (int)blockIdx.y % parts * heads;
    const int rows = QUERIES / heads;
    const Place place = caches.find(i);
    if ((i - place.begin) % rows != 0) {
        return;
    }
    const auto row_of = [=](int q) { return i + q / heads; };
    const auto head_of = [=](int q) { return first_head + q % heads; };
    const auto exists = [=](int q) { return q < rows * heads && row_of(q) < place.end && head_of(q) < (kv_head + 1) * group; };
    float* queries = shared_memory<float>(); /* (QUERIES, head_dim), in units of log 2 */
    float* of_warps = queries + QUERIES * WIDEST_HEAD; /* (WARPS, QUERIES, STATE) */
    float* of_block = of_warps + WARPS * QUERIES * STATE; /* (QUERIES, STATE) */
    float* of_all = of_block + QUERIES * STATE; /* (QUERIES, STATE) */
    for (int e = (int)threadIdx.x; e < QUERIES * dim; e += THREADS) {
        const int q = e / dim;
        queries[e] = exists(q) ? qkv[row_of(q) * l.row_width + query_at(l, head_of(q)) + e % dim] * (scale * LOG2_E) : 0.0f;
    }
    Seen<QUERIES> seen;
    const int64_t cache = place.slot + kv_head * caches.capacity * dim;
    seen.keys = keys + cache;
    seen.values = values + cache;
    seen.most = 0;
    UNROLL
    for (int q = 0; q < QUERIES; q++) {
        seen.by[q] = exists(q) ? place.position + q / heads + 1 : 0;
        seen.most = seen.by[q] > seen.most ? seen.by[q] : seen.most;
    }
    __syncthreads();
    const auto attend_rank = [&](int rank) {
        Attended<CHANNELS> states[QUERIES];
        attend_slice(states, queries, seen, rank * WARPS + warp, dim, by_four);
        UNROLL
        for (int q = 0; q < QUERIES; q++) {
            put_state(of_warps + (warp * QUERIES + q) * STATE, states[q]);
        }
        __syncthreads();
        if (warp < QUERIES) {
            Attended<CHANNELS> block;
            for (int w = 0; w < WARPS; w++) {
                block.merge(get_state<CHANNELS>(of_warps + (w * QUERIES + warp) * STATE));
            }
            put_state(of_block + warp * STATE, block);
        }
    };
    Attended<CHANNELS> total; /* of query `warp`, where this warp has one */
    if constexpr (CLUSTERED) {
        const int rank = (int)cluster_rank();
        attend_rank(rank);
        cluster_barrier();
        if (warp == rank && warp < QUERIES) {
            for (int r = 0; r < RANKS; r++) {
                total.merge(get_state<CHANNELS>(in_cluster(of_block + warp * STATE, (unsigned)r)));
            }
        }
    } else {
        if (warp < QUERIES) {
            put_state(of_all + warp * STATE, total);
        }
        /* A part that sees nothing adds nothing, to the bit. */
        for (int rank = 0; rank < RANKS && rank * WARPS * WARP < seen.most; rank++) {
            attend_rank(rank);
            if (warp < QUERIES) {
                __syncwarp();
                Attended<CHANNELS> before = get_state<CHANNELS>(of_all + warp * STATE);
                before.merge(get_state<CHANNELS>(of_block + warp * STATE));
                put_state(of_all + warp * STATE, before);
            }
            __syncthreads();
        }
        if (warp < QUERIES) {
            total = get_state<CHANNELS>(of_all + warp * STATE);
        }
    }
    if (warp < QUERIES && exists(warp) && (!CLUSTERED || warp == (int)(blockIdx.x % RANKS))) {
        float* to = out + (row_of(warp) * l.query_heads + head_of(warp)) * dim;
        UNROLL
        for (int c = 0; c < CHANNELS; c++) {
            if (lane + c * WARP < dim) {
                to[lane + c * WARP] = total.channels[c] / total.sum;
            }
        }
    }
    if constexpr (CLUSTERED) {
        /* The others may still read this block's states. */
        cluster_barrier();
    }
}

int32_t check(const char* operation, const adaspec_head_layout* layout) {
    const int32_t status = check_layout(operation, layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(layout->head_dim <= WIDEST_HEAD, "%s: heads of %d channels; at most %d were expected", operation, layout->head_dim, WIDEST_HEAD);
    return ADASPEC_OK;
}

int32_t check_one(const char* operation, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m) {
    REQUIRE(
        position >= 0 && m >= 0 && position + m <= capacity, "%s: %lld rows at position %lld do not fit a cache of %lld", operation, (long long)m,
        (long long)position, (long long)capacity);
    return check(operation, layout);
}

int32_t check_batch(
    const char* operation, const adaspec_head_layout* layout, int64_t sequences, int64_t slot_stride, int64_t capacity, int64_t m) {
    const int32_t status = check(operation, layout);
    if (status != ADASPEC_OK) {
        return status;
    }
    REQUIRE(m >= 0 && sequences >= (m > 0), "%s: %lld rows in %lld sequences", operation, (long long)m, (long long)sequences);
    REQUIRE(
        slot_stride >= (int64_t)layout->kv_heads * capacity * layout->head_dim, "%s: slots of %d heads, %lld positions and %d channels, %lld apart",
        operation, layout->kv_heads, (long long)capacity, layout->head_dim, (long long)slot_stride);
    return ADASPEC_OK;
}

template <int CHANNELS, int QUERIES>
int32_t run(
    const char* operation, float* out, const float* qkv, const adaspec_head_layout& l, const float* keys, const float* values, const Caches& caches,
    float scale, int64_t m, void* stream) {
    const int group = l.query_heads / l.kv_heads;
    const int heads = group < QUERIES ? group : QUERIES;
    const unsigned parts = (unsigned)(l.kv_heads * ((group + heads - 1) / heads));
    const bool by_four = l.head_dim % 4 == 0 && caches.slot_stride % 4 == 0 && reinterpret_cast<uintptr_t>(keys) % sizeof(float4) == 0;
    const size_t shared = QUERIES * (WIDEST_HEAD + (WARPS + 2) * (2 + CHANNELS) * WARP) * sizeof(float);
    /* Blocks enough for the multiprocessors of today, of the rows that have one. */
    if (m / (QUERIES / heads) * parts < 2 * 132 && has_clusters()) {
        const Grid grid = {dim3((unsigned)(m * RANKS), parts), THREADS, shared, RANKS};
        return launch(operation, decode_kernel<CHANNELS, QUERIES, true>, grid, stream, out, qkv, l, keys, values, caches, scale, heads, by_four);
    }
    const Grid grid = {dim3((unsigned)m, parts), THREADS, shared};
    return launch(operation, decode_kernel<CHANNELS, QUERIES, false>, grid, stream, out, qkv, l, keys, values, caches, scale, heads, by_four);
}

int32_t decode(
    const char* operation, float* out, const float* qkv, const adaspec_head_layout& layout, const float* keys, const float* values, const Caches& caches,
    float scale, int64_t m, void* stream) {
    return with_channels(layout.head_dim, [=](auto channels) {
        constexpr int CHANNELS = decltype(channels)::value;
        constexpr int MOST = CHANNELS > 4 ? 4 : 8;
        /* Queries that meet at a key head, if all sequences have as many rows. */
        const int64_t sequences = caches.sequences > 0 ? caches.sequences : 1;
        const int64_t meeting = (m + sequences - 1) / sequences * (layout.query_heads / layout.kv_heads);
        return meeting <= 1 ? run<CHANNELS, 1>(operation, out, qkv, layout, keys, values, caches, scale, m, stream)
            : run<CHANNELS, MOST>(operation, out, qkv, layout, keys, values, caches, scale, m, stream);
    });
}

}  // namespace

extern "C" int32_t adaspec_cache_append(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, int64_t position, int64_t capacity, int64_t m, void* stream) {
    const int32_t status = check_one("cache_append", layout, position, capacity, m);
    const Caches caches = {nullptr, nullptr, nullptr, 1, 0, capacity, position, m};
    return status != ADASPEC_OK ? status : launch("cache_append", append_kernel, {(unsigned)m, THREADS}, stream, keys, values, qkv, *layout, caches);
}

extern "C" int32_t adaspec_attention_decode(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, int64_t position, int64_t capacity,
    float scale, int64_t m, void* stream) {
    const int32_t status = check_one("attention_decode", layout, position, capacity, m);
    const Caches caches = {nullptr, nullptr, nullptr, 1, 0, capacity, position, m};
    return status != ADASPEC_OK ? status : decode("attention_decode", out, qkv, *layout, keys, values, caches, scale, m, stream);
}

extern "C" int32_t adaspec_cache_append_batch(
    float* keys, float* values, const float* qkv, const adaspec_head_layout* layout, const int32_t* starts, const int32_t* positions,
    const int32_t* slots, int64_t sequences, int64_t slot_stride, int64_t capacity, int64_t m, void* stream) {
    const int32_t status = check_batch("cache_append_batch", layout, sequences, slot_stride, capacity, m);
    const Caches caches = {starts, positions, slots, sequences, slot_stride, capacity, 0, m};
    return status != ADASPEC_OK ? status : launch("cache_append_batch", append_kernel, {(unsigned)m, THREADS}, stream, keys, values, qkv, *layout, caches);
}

extern "C" int32_t adaspec_attention_decode_batch(
    float* out, const float* qkv, const adaspec_head_layout* layout, const float* keys, const float* values, const int32_t* starts,
    const int32_t* positions, const int32_t* slots, int64_t sequences, int64_t slot_stride, int64_t capacity, float scale, int64_t m, void* stream) {
    const int32_t status = check_batch("attention_decode_batch", layout, sequences, slot_stride, capacity, m);
    const Caches caches = {starts, positions, slots, sequences, slot_stride, capacity, 0, m};
    return status != ADASPEC_OK ? status : decode("attention_decode_batch", out, qkv, *layout, keys, values, caches, scale, m, stream);
}
