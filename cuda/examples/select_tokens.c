/*
 * Which tokens are worth learning: how much further a draft than a reference is from their target, the selection of the 40 % with the largest gap,
 * and the gradient of those rows alone. The same calls on a processor and on a GPU; only where memory lies differs.
 *
 *     cc select_tokens.c -I../include -L. -ladaspec_cpu -Wl,-rpath,. -lm -o select_tokens
 *     cc -DON_GPU select_tokens.c -I../include -I$CUDA/include -L. -ladaspec_cuda -L$CUDA/lib64 -lcudart -Wl,-rpath,. -lm -o select_tokens
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaspec.h"

#ifdef ON_GPU
#include <cuda_runtime_api.h>
#endif

enum { ROWS = 5, VOCABULARY = 1000 };

static void check(int failed, const char* why) {
    if (failed) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
}

/* Memory for the library, with a copy of `bytes` bytes of the program's where there are some. */
static void* place(const void* from, size_t bytes) {
#ifdef ON_GPU
    void* there = NULL;
    cudaError_t status = cudaMalloc(&there, bytes);
    if (status == cudaSuccess && from != NULL) {
        status = cudaMemcpy(there, from, bytes, cudaMemcpyHostToDevice);
    }
    check(status != cudaSuccess, cudaGetErrorString(status));
#else
    void* there = malloc(bytes);
    check(there == NULL, "no memory");
    if (from != NULL) {
        memcpy(there, from, bytes);
    }
#endif
    return there;
}

/* Copies back, after the work on the stream. */
static void fetch(void* to, const void* there, size_t bytes) {
#ifdef ON_GPU
    const cudaError_t status = cudaMemcpy(to, there, bytes, cudaMemcpyDeviceToHost);
    check(status != cudaSuccess, cudaGetErrorString(status));
#else
    memcpy(to, there, bytes);
#endif
}

static void call(int32_t status) {
    check(status != ADASPEC_OK, adaspec_last_error());
}

int main(void) {
    /* In place of three models: the draft is off by another amount in every row, the reference by the same in all. */
    const float off[ROWS] = {0.1f, 0.9f, 0.3f, 0.7f, 0.5f};
    static float target[ROWS * VOCABULARY], draft[ROWS * VOCABULARY], reference[ROWS * VOCABULARY];
    for (int i = 0; i < ROWS * VOCABULARY; i++) {
        target[i] = 3 * sinf(0.7f * (float)i);
        draft[i] = target[i] + off[i / VOCABULARY] * cosf(1.3f * (float)i);
        reference[i] = target[i] + 0.2f * cosf(1.1f * (float)i);
    }
    float* t = place(target, sizeof target);
    float* d = place(draft, sizeof draft);
    float* r = place(reference, sizeof reference);
    float* kl = place(NULL, ROWS * sizeof(float));
    float* gap = place(NULL, ROWS * sizeof(float));
    float* target_lse = place(NULL, ROWS * sizeof(float));
    float* draft_lse = place(NULL, ROWS * sizeof(float));
    float* scratch = place(NULL, ROWS * sizeof(float));
    int32_t* kept_rows = place(NULL, ROWS * sizeof(int32_t));
    int32_t* kept = place(NULL, sizeof(int32_t));

    /* Outputs that are not wanted are NULL; so is the stream, the default one. */
    call(adaspec_distill_forward(NULL, NULL, kl, NULL, gap, NULL, NULL, target_lse, draft_lse, t, VOCABULARY, d, VOCABULARY, r, VOCABULARY,
        ADASPEC_F32, ADASPEC_LOSS_KL_DIV, ROWS, VOCABULARY, NULL));
    call(adaspec_select(kept_rows, kept, gap, 0.4, ADASPEC_SELECT_QUANTILE, scratch, ROWS, NULL));

    int32_t count = 0;
    int32_t rows[ROWS] = {0};
    float gaps[ROWS];
    fetch(&count, kept, sizeof count);
    fetch(rows, kept_rows, (size_t)count * sizeof(int32_t));
    fetch(gaps, gap, sizeof gaps);

    /* The gradient of the kept rows only, one after the other. */
    float* gradient = place(NULL, (size_t)count * VOCABULARY * sizeof(float));
    call(adaspec_distill_backward(gradient, VOCABULARY, t, VOCABULARY, d, VOCABULARY, ADASPEC_F32, target_lse, draft_lse, NULL, NULL, kept_rows,
        ADASPEC_LOSS_KL_DIV, 1.0f / (float)count, count, VOCABULARY, NULL));
    float first = 0;
    fetch(&first, gradient, sizeof first);

    printf("%s\n", adaspec_backend());
    for (int i = 0; i < ROWS; i++) {
        printf("row %d: gap %+.4f\n", i, (double)gaps[i]);
    }
    printf("kept %d of %d rows:", count, ROWS);
    for (int i = 0; i < count; i++) {
        printf(" %d", rows[i]);
    }
    printf("; gradient of row %d by its first logit %.3g\n", rows[0], (double)first);
    return 0;
}
