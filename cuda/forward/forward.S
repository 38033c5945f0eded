/* One jump a function: arguments stay where the caller put them, whatever they are. */
#define CUBLAS(name)                                                                      \
    .globl name;                                                                          \
    .type name, @function;                                                                \
name:                                                                                     \
    endbr64;                                                                              \
    jmp *(adaspec_cublas_targets + 8 * __COUNTER__)(%rip);                                \
    .size name, . - name;

    .text
#include "cublas.def"

    .section .note.GNU-stack, "", @progbits
