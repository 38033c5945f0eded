/* Every operation of the C ABI by its name without prefix, in the order of the header: the list the dispatcher is made from. */
#pragma once

#define ADASPEC_OPERATIONS(X)   \
    X(embedding_forward)        \
    X(embedding_backward)       \
    X(layernorm_forward)        \
    X(layernorm_backward)       \
    X(add_layernorm_forward)    \
    X(rmsnorm_forward)          \
    X(rmsnorm_backward)         \
    X(add_rmsnorm_forward)      \
    X(linear_rows)              \
    X(bias_add)                 \
    X(column_sum)               \
    X(rotary)                   \
    X(attention_forward)        \
    X(attention_backward)       \
    X(cache_append)             \
    X(attention_decode)         \
    X(cache_append_batch)       \
    X(attention_decode_batch)   \
    X(gelu_forward)             \
    X(gelu_backward)            \
    X(swiglu_forward)           \
    X(swiglu_backward)          \
    X(add)                      \
    X(cast)                     \
    X(gather_rows)              \
    X(scatter_add_rows)         \
    X(distill_forward)          \
    X(distill_backward)         \
    X(distill_forward_backward) \
    X(cross_entropy_forward)    \
    X(cross_entropy_backward)   \
    X(select)                   \
    X(sum_of_squares)           \
    X(adamw)                    \
    X(sample)                   \
    X(verify)
