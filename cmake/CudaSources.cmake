# The CUDA sources, one operation a file: compiled by nvcc for libadaspec_cuda.so and by the host's compiler for the emulator.

set(ADASPEC_CUDA_DIR ${PROJECT_SOURCE_DIR}/cuda/src)
set(ADASPEC_CUDA_OPERATIONS
    adamw add attention attention_backward backend cast column_sum cross_entropy decode_attention distill distill_forward_backward embedding gelu layernorm
    linear_rows rmsnorm rotary rows sample select sum_of_squares swiglu verify)

list(TRANSFORM ADASPEC_CUDA_OPERATIONS PREPEND ${ADASPEC_CUDA_DIR}/ OUTPUT_VARIABLE ADASPEC_CUDA_SOURCES)
list(TRANSFORM ADASPEC_CUDA_SOURCES APPEND .cu)
