package adaspec.engine;

import adaspec.device.Device;
import adaspec.ops.Ops;
import adaspec.tensor.Workspace;
import java.util.List;

/**
 * Where models run: an open device, its operations and its memory. Its {@link #ops} serve one thread at a time; further threads make operations of
 * their own with {@link #newOps}. Whatever was made from it is used before it is closed.
 */
public final class Backend implements AutoCloseable {
    private final Device device;
    private final Ops ops;

    private Backend(Device device) {
        this.device = device;
        this.ops = Ops.on(device);
    }

    /** Opens the best device here, with all cores of the processor. */
    public static Backend open() {
        return open("auto", Runtime.getRuntime().availableProcessors());
    }

    /**
     * Opens a device.
     *
     * @param device  auto, cpu, reference, cuda or cuda:N
     * @param threads of the processor, at least 1
     * @throws adaspec.common.InputException if the device was asked for by name and is not there
     */
    public static Backend open(String device, int threads) {
        return new Backend(Device.open(device, threads));
    }

    public Ops ops() {
        return ops;
    }

    /** Operations for one more thread. */
    public Ops newOps() {
        return Ops.on(device);
    }

    /** Bytes of the device's memory that are held by what {@link #newAllocator} and {@link #newWorkspace} made, reserved ranges included. */
    public long bytesHeld() {
        return device.bytesHeld();
    }

    /** Memory on the device that lives until its own close. */
    public Workspace.Allocator newAllocator() {
        return device.newAllocator();
    }

    /** Memory for steps, closed by the caller. */
    public Workspace newWorkspace() {
        return new Workspace(device.newAllocator());
    }

    /** The device as it is asked for by name. */
    public String name() {
        return device.name();
    }

    /** The device in words. */
    public String description() {
        return device.describe();
    }

    /** The device in words, as far as decoding uses it. */
    String decodingDescription() {
        return device.describeKernels();
    }

    /** What the user should know about the choice of the device: a line each, mostly none. */
    public List<String> notes() {
        return device.notes();
    }

    @Override
    public void close() {
        device.close();
    }
}
