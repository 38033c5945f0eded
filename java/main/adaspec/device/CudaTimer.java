package adaspec.device;

import jcuda.runtime.cudaEvent_t;

/** Measures how long a device works on what it is given between {@link #start} and {@link #stop}: two CUDA events. For one thread. */
public final class CudaTimer implements AutoCloseable {
    private final CudaDevice device;
    private final CudaRuntime runtime;
    private final cudaEvent_t from;
    private final cudaEvent_t to;
    private boolean closed;

    CudaTimer(CudaDevice device, CudaRuntime runtime) {
        this.device = device;
        this.runtime = runtime;
        from = runtime.newEvent();
        to = runtime.newEvent();
    }

    public void start() {
        device.use();
        runtime.record(from, device.stream());
    }

    public void stop() {
        device.use();
        runtime.record(to, device.stream());
    }

    /** Seconds from start to stop on the device's clock, to about half a microsecond; waits until the work before stop is done. */
    public double seconds() {
        device.use();
        return runtime.seconds(from, to);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.use();
            runtime.close(from);
            runtime.close(to);
        }
    }
}
