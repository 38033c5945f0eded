package adaspec.device;

import java.util.Locale;

/**
 * A CUDA device as its driver describes it.
 *
 * @param index  as in {@code --device cuda:N}
 * @param major  of the compute capability
 * @param minor  of the compute capability
 * @param bytes  of memory
 */
public record CudaProperties(int index, String name, int major, int minor, int multiprocessors, long bytes) {
    /** In words. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "cuda:%d %s, compute capability %d.%d, %d multiprocessors, %.1f GB", index, name, major, minor,
                multiprocessors, bytes / 1e9);
    }
}
