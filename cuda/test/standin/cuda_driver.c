/* A stand-in for libcuda.so.1: a driver for CUDA 13.0 on a machine without a GPU, as far as the CUDA runtime asks one before it gives up. */
#define NO_DEVICE 100

int cuInit(unsigned flags) {
    (void)flags;
    return NO_DEVICE;
}

int cuDriverGetVersion(int* version) {
    *version = 13000;
    return 0;
}
