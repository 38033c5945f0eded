package adaspec.cli;

import adaspec.common.InputException;
import adaspec.common.Version;
import adaspec.device.CudaDevice;
import adaspec.device.Device;
import adaspec.device.DeviceException;
import java.io.IOException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;

/** What this machine offers to the engine, what the engine takes of it, and why not the rest. */
@picocli.CommandLine.Command(
        name = "doctor",
        description = {"JDK, native libraries, GPU, driver and CUDA found, what will be used, and why not the rest.",
                "Ends with 1 if the device that --device asks for cannot be used, or if auto finds none with native code. --precision changes nothing."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " doctor")
public final class DoctorCommand extends Command {
    private static final String PLATFORM = "linux-x86_64";

    /** Tiers of the kernels from the widest -> what each needs, as in {@code cuda/host/dispatch.cpp}; the last, baseline, needs nothing. */
    private static final Map<String, List<String>> TIERS = tiers();

    private static Map<String, List<String>> tiers() {
        Map<String, List<String>> tiers = new LinkedHashMap<>();
        tiers.put("avx512", List.of("avx2", "fma", "f16c", "bmi2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"));
        tiers.put("avx2", List.of("avx2", "fma", "f16c", "bmi2"));
        return tiers;
    }

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        devices.requireValid();
        Machine machine = Machine.here();
        line("engine", Version.current().toString());
        line("java", Runtime.version() + ", " + System.getProperty("java.vendor") + ", " + System.getProperty("java.home"));
        line("memory", memory(machine));
        line("processor", machine.processor() + ", " + cores() + ", " + String.join(" ", machine.vectorFeatures()));
        line("threads", devices.threads() + (given("--threads") ? ", as asked for" : ", one a core; --threads N changes it"));
        library("libadaspec_cpu.so", "the engine's own kernels");
        library("libdnnl.so.3", "oneDNN, GEMM for training");
        library("libgomp.so.1", "OpenMP");
        library("libadaspec_pages.so", "survives files that are cut off while they are mapped");
        library("libadaspec_cuda.so", "the engine's own kernels for NVIDIA GPUs");
        library("libadaspec_cublas12.so", "hands cuBLAS 12's calls to cuBLAS 13");
        line("library", "unpacked to " + Device.cacheFolder() + " when the engine runs from its jar");
        resource("adaspec/default/target/config.json", "default target");
        resource("adaspec/default/draft/config.json", "default draft");
        gpu(machine).forEach(text -> line("gpu", text));
        CudaDevice.survey().forEach(text -> line("cuda", text));
        for (String device : List.of("cpu", "cuda", "reference")) {
            Use use = Use.of(device, devices.threads());
            line("device", "--device " + device + ": " + (use.works() ? "works: " : "") + use.words());
        }
        Use use = Use.of(devices.device(), devices.threads());
        if (use.works() && use.name().equals("cpu")) {
            line("tier", tier(machine, System.getenv("ADASPEC_CPU_TIER"), use.words()));
        }
        line("use", "--device " + devices.device() + ": " + use.words());
        return use.good(devices.device()) ? Main.OK : Main.FAILED;
    }

    /**
     * What becomes of a device that is asked for.
     *
     * @param name  of the device that was opened; null where none can be
     * @param words what works, or why nothing does
     * @param notes why it is not a better one: none if it is the best
     */
    private record Use(String name, String words, List<String> notes) {
        static Use of(String device, int threads) {
            return device.startsWith("cuda") ? ofGpu(device) : ofProcessor(device, threads);
        }

        private static Use ofGpu(String device) {
            try (CudaDevice opened = CudaDevice.open(DeviceOptions.cudaIndex(device))) {
                return new Use(device, "for single operations (bench kernels), not for models yet: " + opened.describe(), List.of());
            } catch (CudaDevice.Unusable e) {
                return new Use(null, "cannot be used: " + e.reason(), List.of());
            }
        }

        private static Use ofProcessor(String device, int threads) {
            try (Device opened = Device.open(device, threads)) {
                String reasons = opened.notes().isEmpty() ? "" : ", because " + String.join("; ", opened.notes());
                return new Use(opened.name(), opened.describe() + reasons, opened.notes());
            } catch (InputException | DeviceException | LinkageError e) {
                return new Use(null, "cannot be used: " + e.getMessage().replaceFirst("^--device \\S+: ", ""), List.of());
            }
        }

        boolean works() {
            return name != null;
        }

        /** Whether it is what was asked for; of {@code auto} a device with native code. */
        boolean good(String asked) {
            return works() && notes.isEmpty() && (asked.equals("auto") || asked.startsWith(name));
        }
    }

    private static String cores() {
        int cores = Runtime.getRuntime().availableProcessors();
        return cores + (cores == 1 ? " core" : " cores") + " for this process";
    }

    private static String memory(Machine machine) {
        return machine.memoryBytes().map(bytes -> gigabytes(bytes) + " in the machine, ").orElse("")
                + machine.memoryLimit().map(bytes -> gigabytes(bytes) + " allowed by the control group, ").orElse("")
                + gigabytes(Runtime.getRuntime().maxMemory()) + " for Java's own objects (java -Xmx raises it); weights and caches are not among them";
    }

    /**
     * Why the kernels are of the tier that they are.
     *
     * @param forced what ADASPEC_CPU_TIER says, or null
     * @param words  of the device, which name the tier that was chosen
     */
    static String tier(Machine machine, String forced, String words) {
        String chosen = TIERS.keySet().stream().filter(words::contains).findFirst().orElse("baseline");
        if (forced != null && !forced.isEmpty()) {
            return chosen + ", forced by ADASPEC_CPU_TIER";
        }
        String reasons = TIERS.entrySet().stream()
                .takeWhile(better -> !better.getKey().equals(chosen))
                .map(better -> "; not " + better.getKey() + ": the processor lacks " + String.join(" ", machine.lacking(better.getValue())))
                .collect(Collectors.joining());
        return chosen + ", the widest that this processor has" + reasons;
    }

    /** What lies there of a GPU and of CUDA. */
    static List<String> gpu(Machine machine) {
        var said = new ArrayList<String>();
        if (machine.gpuDevices().isEmpty()) {
            said.add("none: there is no /dev/nvidia0");
        } else {
            said.add(machine.gpuDevices().size() + " found: " + String.join(", ", machine.gpuModels()));
        }
        said.add("driver: " + machine.driver().orElse("none is loaded"));
        for (String name : List.of("libcuda.so.1", "libcublas.so.13", "libcublas.so.12")) {
            said.add(name + ": " + machine.library(name).map(DoctorCommand::withVersion).orElse("not found"));
        }
        return said;
    }

    /** A library's path, with the file that it is a link to, whose name tells the version. */
    private static String withVersion(Path library) {
        try {
            Path file = library.toRealPath().getFileName();
            return library + (file.equals(library.getFileName()) ? "" : " (" + file + ")");
        } catch (IOException e) {
            return library + " (a broken link)";
        }
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
