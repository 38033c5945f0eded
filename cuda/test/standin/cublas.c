/*
 * A stand-in for cuBLAS where there is none: products in plain C on host memory, column by column as cuBLAS has them, and a record of what was
 * called. STANDIN_MAJOR is the version that it says it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SUCCESS 0
#define NOT_INITIALIZED 1
#define INVALID_VALUE 7
#define NOT_SUPPORTED 15

enum { R_32F = 0, R_16BF = 14, COMPUTE_32F = 68 };

static char calls[1 << 14];
static int handles;

__attribute__((format(printf, 1, 2))) static void note(const char* format, ...) {
    const size_t used = strlen(calls);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(calls + used, sizeof calls - used, format, arguments);
    va_end(arguments);
}

/* What was called, a line each. */
const char* standin_calls(void) {
    return calls;
}

__attribute__((constructor)) static void loaded(void) {
    char name[64];
    snprintf(name, sizeof name, "libcublasLt.so.%d", STANDIN_MAJOR);
    note("loaded %s libcublasLt\n", dlopen(name, RTLD_LAZY | RTLD_NOLOAD) != NULL ? "after" : "without");
}

int cublasGetProperty(int type, int* value) {
    const int parts[] = {STANDIN_MAJOR, 1, 2};
    if (type < 0 || type > 2) {
        return INVALID_VALUE;
    }
    *value = parts[type];
    return SUCCESS;
}

int cublasCreate_v2(void** handle) {
    handles++;
    *handle = &handles;
    note("create\n");
    return SUCCESS;
}

int cublasDestroy_v2(void* handle) {
    note("destroy\n");
    return handle == &handles && handles-- > 0 ? SUCCESS : NOT_INITIALIZED;
}

int cublasSetStream_v2(void* handle, void* stream) {
    note("stream %p\n", stream);
    return handle == &handles ? SUCCESS : NOT_INITIALIZED;
}

int cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes) {
    note("workspace %s %zu\n", workspace == NULL ? "null" : "given", bytes);
    return handle == &handles ? SUCCESS : NOT_INITIALIZED;
}

int cublasSetMathMode(void* handle, int mode) {
    note("math mode %d\n", mode);
    return handle == &handles ? SUCCESS : NOT_INITIALIZED;
}

static float element(const void* x, int type, int64_t i) {
    if (type == R_32F) {
        return ((const float*)x)[i];
    }
    const uint32_t bits = (uint32_t)((const uint16_t*)x)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Column-major: c (m, n) = alpha op(a) (m, k) op(b) (k, n) + beta c. */
int cublasGemmEx_64(
    void* handle, int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int a_type, int64_t lda,
    const void* b, int b_type, int64_t ldb, const void* beta, void* c, int c_type, int64_t ldc, int compute, int algorithm) {
    note("gemm %d %d %lld %lld %lld types %d %d %d compute %d algorithm %d\n", transpose_a, transpose_b, (long long)m, (long long)n,
        (long long)k, a_type, b_type, c_type, compute, algorithm);
    if (handle != &handles) {
        return NOT_INITIALIZED;
    }
    if ((a_type != R_32F && a_type != R_16BF) || a_type != b_type || c_type != R_32F || compute != COMPUTE_32F) {
        return NOT_SUPPORTED;
    }
    if (m < 0 || n < 0 || k < 0 || lda < (transpose_a ? k : m) || ldb < (transpose_b ? n : k) || ldc < m) {
        return INVALID_VALUE;
    }
    const float scale = *(const float*)alpha;
    const float old = *(const float*)beta;
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = 0; i < m; i++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++) {
                sum += (double)element(a, a_type, transpose_a ? i * lda + l : l * lda + i)
                    * element(b, b_type, transpose_b ? l * ldb + j : j * ldb + l);
            }
            float* out = (float*)c + j * ldc + i;
            *out = (float)(scale * sum) + (old == 0 ? 0 : old * *out);
        }
    }
    return SUCCESS;
}
