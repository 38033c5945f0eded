package adaspec.device;

import adaspec.StandIns;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;

/** A CUDA device for tests: the kernels as the emulator runs them, on memory of the host. */
public final class TestCuda {
    private static final long CAPACITY = 1L << 30;

    private TestCuda() {}

    /** The emulated kernels; skips the test where they were not built. */
    static SymbolLookup emulatedKernels() {
        return SymbolLookup.libraryLookup(StandIns.emulatedKernels(), Arena.global());
    }

    /** A device without a library for products, as where cuBLAS is missing. */
    public static CudaDevice emulated() {
        return new CudaDevice(new HostCudaRuntime(1, CAPACITY), 0, emulatedKernels(), device -> {
            throw new DeviceException("cuBLAS was not found");
        });
    }
}
