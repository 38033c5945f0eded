package adaspec.cli;

import adaspec.device.LibrarySearch;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What a Linux machine says of itself in its files; nothing is loaded or started. Every question has an answer where the files are missing. */
final class Machine {
    /** The processor features that the native kernels and oneDNN choose by. */
    private static final Set<String> VECTOR_FEATURES = new LinkedHashSet<>(List.of(
            "sse4_2", "fma", "f16c", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16",
            "amx_tile", "amx_bf16", "asimd", "sve", "bf16"));

    private final Path root;
    private final Map<String, String> environment;

    /**
     * @param root        the folder that stands for {@code /}
     * @param environment variables that say where libraries are, as in {@link LibrarySearch}
     */
    Machine(Path root, Map<String, String> environment) {
        this.root = root;
        this.environment = environment;
    }

    static Machine here() {
        return new Machine(Path.of("/"), System.getenv());
    }

    /** The model of the processor; {@code unknown} where the kernel does not tell. */
    String processor() {
        return field("proc/cpuinfo", "model name").orElse("unknown");
    }

    /** The vector features that matter to the kernels, in the order of their age. */
    List<String> vectorFeatures() {
        Set<String> flags = flags();
        return VECTOR_FEATURES.stream().filter(flags::contains).toList();
    }

    /** Those of {@code features} that the processor lacks. */
    List<String> lacking(List<String> features) {
        Set<String> flags = flags();
        return features.stream().filter(feature -> !flags.contains(feature)).toList();
    }

    private Set<String> flags() {
        return Set.copyOf(new TreeSet<>(Arrays.asList(
                field("proc/cpuinfo", "flags").or(() -> field("proc/cpuinfo", "Features")).orElse("").split("\\s+"))));
    }

    /** Physical memory in bytes, or empty. */
    Optional<Long> memoryBytes() {
        return field("proc/meminfo", "MemTotal").map(text -> Long.parseLong(text.replace("kB", "").strip()) * 1024);
    }

    /** Bytes that the control group allows this process (a container's limit), or empty where it sets none. */
    Optional<Long> memoryLimit() {
        return Stream.of("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
                .flatMap(this::lines)
                .filter(line -> line.strip().matches("\\d{1,18}"))
                .map(line -> Long.parseLong(line.strip()))
                .filter(bytes -> bytes < memoryBytes().orElse(Long.MAX_VALUE))
                .findFirst();
    }

    /** The device files of NVIDIA GPUs, such as {@code /dev/nvidia0}. */
    List<Path> gpuDevices() {
        return matching("dev", "nvidia[0-9]*");
    }

    /** The models of the GPUs as the driver names them. */
    List<String> gpuModels() {
        var models = new ArrayList<String>();
        for (Path gpu : matching("proc/driver/nvidia/gpus", "*")) {
            field(root.relativize(gpu.resolve("information")).toString(), "Model").ifPresent(models::add);
        }
        return models;
    }

    /** The line in which the NVIDIA kernel driver states its version, or empty. */
    Optional<String> driver() {
        return lines("proc/driver/nvidia/version").filter(line -> line.startsWith("NVRM version")).findFirst()
                .map(line -> line.substring(line.indexOf(':') + 1).strip().replaceAll("\\s+", " "));
    }

    /** Where the shared library {@code name} lies, among the folders of the loader, of CUDA and of Python; the first of them, or empty. */
    Optional<Path> library(String name) {
        return new LibrarySearch(root, environment).first(name);
    }

    private List<Path> matching(String folder, String glob) {
        var found = new ArrayList<Path>();
        try (DirectoryStream<Path> children = Files.newDirectoryStream(root.resolve(folder), glob)) {
            children.forEach(found::add);
        } catch (IOException e) {
            // A folder that is not there holds nothing.
        }
        found.sort(null);
        return found;
    }

    private Optional<String> field(String file, String name) {
        return lines(file)
                .filter(line -> line.contains(":") && line.substring(0, line.indexOf(':')).strip().equals(name))
                .findFirst()
                .map(line -> line.substring(line.indexOf(':') + 1).strip());
    }

    private Stream<String> lines(String file) {
        try {
            return Files.readAllLines(root.resolve(file)).stream();
        } catch (IOException e) {
            return Stream.empty();
        }
    }
}
