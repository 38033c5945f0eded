/* Causal attention in double, for the tests of both attentions. */
#pragma once

#include "check.h"

inline adaspec_head_layout interleaved(int heads, int dim) {
    return {heads, heads, dim, 0, dim, 2 * dim, 3 * dim, 3 * dim, 3 * heads * dim};
}

inline adaspec_head_layout stacked(int queries, int kv, int dim) {
    return {queries, kv, dim, 0, queries * dim, (queries + kv) * dim, dim, dim, (queries + 2 * kv) * dim};
}

/* One sequence: rows of qkv, results by row and head. */
struct Oracle {
    const adaspec_head_layout& l;
    std::vector<double> qkv;
    int64_t n;
    double scale;

    double q(int64_t i, int h, int d) const {
        return qkv[(size_t)(i * l.row_width + l.query_offset + h * l.query_head_stride + d)];
    }
    int64_t key(int64_t j, int h, int d) const {
        return j * l.row_width + l.key_offset + h / (l.query_heads / l.kv_heads) * l.kv_head_stride + d;
    }
    int64_t value(int64_t j, int h, int d) const {
        return j * l.row_width + l.value_offset + h / (l.query_heads / l.kv_heads) * l.kv_head_stride + d;
    }
    /* Softmax weights of row i of head h over keys 0 .. i, and their log-sum-exp. */
    std::vector<double> weights(int64_t i, int h, double& lse) const {
        std::vector<double> w((size_t)i + 1);
        double largest = -INFINITY;
        for (int64_t j = 0; j <= i; j++) {
            double s = 0;
            for (int d = 0; d < l.head_dim; d++) {
                s += q(i, h, d) * qkv[(size_t)key(j, h, d)];
            }
            w[(size_t)j] = s * scale;
            largest = fmax(largest, w[(size_t)j]);
        }
        double total = 0;
        for (double& x : w) {
            x = exp(x - largest);
            total += x;
        }
        for (double& x : w) {
            x /= total;
        }
        lse = largest + log(total);
        return w;
    }
    std::vector<double> row(int64_t i, int h, double& lse) const {
        const std::vector<double> w = weights(i, h, lse);
        std::vector<double> out((size_t)l.head_dim);
        for (int64_t j = 0; j <= i; j++) {
            for (int d = 0; d < l.head_dim; d++) {
                out[(size_t)d] += w[(size_t)j] * qkv[(size_t)value(j, h, d)];
            }
        }
        return out;
    }
    /* The gradient by qkv, given that by the output. */
    std::vector<double> gradient(const float* dout) const {
        std::vector<double> grad(qkv.size());
        for (int h = 0; h < l.query_heads; h++) {
            for (int64_t i = 0; i < n; i++) {
                double lse;
                const std::vector<double> w = weights(i, h, lse);
                const float* g = dout + (i * l.query_heads + h) * l.head_dim;
                std::vector<double> dp((size_t)i + 1);
                double mean = 0;
                for (int64_t j = 0; j <= i; j++) {
                    for (int d = 0; d < l.head_dim; d++) {
                        dp[(size_t)j] += g[d] * qkv[(size_t)value(j, h, d)];
                        grad[(size_t)value(j, h, d)] += w[(size_t)j] * g[d];
                    }
                    mean += w[(size_t)j] * dp[(size_t)j];
                }
                for (int64_t j = 0; j <= i; j++) {
                    const double ds = w[(size_t)j] * (dp[(size_t)j] - mean) * scale;
                    for (int d = 0; d < l.head_dim; d++) {
                        grad[(size_t)(i * l.row_width + l.query_offset + h * l.query_head_stride + d)] += ds * qkv[(size_t)key(j, h, d)];
                        grad[(size_t)key(j, h, d)] += ds * q(i, h, d);
                    }
                }
            }
        }
        return grad;
    }
};
