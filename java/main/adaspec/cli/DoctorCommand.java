package adaspec.cli;

import adaspec.common.InputException;
import adaspec.common.Version;
import adaspec.device.Device;
import java.io.IOException;
import java.net.URL;
import java.net.URLConnection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Mixin;

/** What this machine offers to the engine, what the engine takes of it, and why not the rest. */
@picocli.CommandLine.Command(
        name = "doctor",
        description = {"JDK, native libraries, GPU, driver and CUDA found, what will be used, and why not the rest.", DeviceOptions.UNUSED},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " doctor")
public final class DoctorCommand extends Command {
    private static final String PLATFORM = "linux-x86_64";

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        devices.requireValid();
        Machine machine = Machine.here();
        line("engine", Version.current().toString());
        line("java", Runtime.version() + ", " + System.getProperty("java.vendor") + ", " + System.getProperty("java.home"));
        line("memory", machine.memoryBytes().map(bytes -> gigabytes(bytes) + " in all, ").orElse("")
                + gigabytes(Runtime.getRuntime().maxMemory()) + " for the engine (raise with java -Xmx)");
        line("processor", machine.processor() + ", " + Runtime.getRuntime().availableProcessors() + " cores, "
                + String.join(" ", machine.vectorFeatures()));
        library("libadaspec_cpu.so", "the engine's own kernels");
        library("libdnnl.so.3", "oneDNN, GEMM for training");
        library("libgomp.so.1", "OpenMP");
        resource("adaspec/default/target/config.json", "default target");
        resource("adaspec/default/draft/config.json", "default draft");
        gpu(machine).forEach(text -> line("gpu", text));
        for (String device : List.of("cpu", "cuda", "reference")) {
            line("device", "--device " + device + ": " + state(device));
        }
        line("device", "--device auto: takes " + nameOfDefault());
        return Main.OK;
    }

    /** The device in words where it works, else why not. */
    private static String state(String device) {
        try (Device opened = Device.open(device, 0)) {
            return "works: " + opened.describe();
        } catch (InputException e) {
            return "cannot be used: " + e.getMessage().replace("--device " + device + ": ", "");
        }
    }

    private static String nameOfDefault() {
        try (Device opened = Device.open("auto", 0)) {
            return opened.notes().isEmpty() ? opened.name() : opened.name() + ", because " + String.join("; ", opened.notes());
        }
    }

    /** What is there of a GPU and of CUDA. */
    static List<String> gpu(Machine machine) {
        var said = new ArrayList<String>();
        if (machine.gpuDevices().isEmpty()) {
            said.add("none: there is no /dev/nvidia0");
        } else {
            said.add(machine.gpuDevices().size() + " found: " + String.join(", ", machine.gpuModels()));
        }
        said.add("driver: " + machine.driver().orElse("none is loaded"));
        for (String name : List.of("libcuda.so.1", "libcublas.so.13", "libcublas.so.12")) {
            said.add(name + ": " + machine.library(name).map(Object::toString).orElse("not found"));
        }
        return said;
    }

    private void library(String name, String purpose) {
        line("library", name + " (" + purpose + "): " + size("native/" + PLATFORM + "/" + name)
                .map(bytes -> "inside, " + bytes + " bytes")
                .orElse("missing from this build"));
    }

    private void resource(String path, String what) {
        line("model", what + ": " + size(path).map(bytes -> "inside").orElse("none in this build"));
    }

    private static Optional<Long> size(String resource) {
        URL url = DoctorCommand.class.getClassLoader().getResource(resource);
        if (url == null) {
            return Optional.empty();
        }
        try {
            URLConnection connection = url.openConnection();
            connection.setUseCaches(false);
            return Optional.of(connection.getContentLengthLong());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private void line(String key, String text) {
        out().printf("%-10s %s%n", key, text);
    }

    private static String gigabytes(long bytes) {
        return String.format(java.util.Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
}
