package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import adaspec.Processes;
import adaspec.StandIns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorCommandTest {
    @TempDir
    private Path root;

    @Test
    void saysWhatIsHereWithExitCodeZero() {
        Line line = Line.run("doctor");
        assertEquals(0, line.code(), line.log());
        assertEquals("", line.log());
        for (String key : List.of("engine ", "java ", "memory ", "processor ", "library ", "model ", "gpu ", "cuda ", "device ")) {
            assertTrue(line.out().lines().anyMatch(text -> text.startsWith(key)), key + "is missing in\n" + line.out());
        }
        assertTrue(line.out().contains("--device reference: works"), line.out());
        assertTrue(line.out().matches("(?s).*--device cuda: (cannot be used: |works: for single operations).*"), line.out());
        for (String library : List.of("libadaspec_cuda.so", "libadaspec_cublas12.so")) {
            assertTrue(line.out().contains("library    " + library), library + " is missing in\n" + line.out());
        }
        assertTrue(line.out().lines().toList().getLast().startsWith("use        --device auto: cpu "), line.out());
        assertTrue(line.out().contains("tier       ") && line.out().contains("threads    "), line.out());
    }

    /** The exit code is about the device that is asked for. */
    @Test
    void aDeviceThatCannotBeUsedEndsWithOne() {
        Line cuda = Line.run("doctor", "--device", "cuda:999");
        assertEquals(1, cuda.code());
        assertTrue(cuda.out().lines().toList().getLast().startsWith("use        --device cuda:999: cannot be used: there is "), cuda.out());
        assertEquals(0, Line.run("doctor", "--device", "reference", "--threads", "3").code());
        assertEquals(2, Line.run("doctor", "--device", "tpu").code());
    }

    /** The real CUDA runtime on a stand-in for a driver that sees no GPU, and on none: told apart, by doctor and by what wants a GPU. */
    @Test
    void aDriverWithoutAGpuIsTold() throws Exception {
        Path driver = StandIns.file("driver");
        var environment = Map.of("LD_LIBRARY_PATH", driver.toString());
        Processes.Ended doctor = Processes.run(
                Processes.java("--enable-native-access=ALL-UNNAMED", Main.class.getName(), "doctor", "--device", "cuda"), environment);
        assertEquals(1, doctor.code(), doctor.err());
        assertTrue(doctor.out().contains("libcuda.so.1: " + driver.resolve("libcuda.so.1")), doctor.out());
        String reason = "there is an NVIDIA driver and no GPU that this process may use";
        assertTrue(doctor.out().contains("cuda       " + reason), doctor.out());
        assertTrue(doctor.out().endsWith("use        --device cuda: cannot be used: " + reason + "\n"), doctor.out());
        Processes.Ended bench = Processes.run(
                Processes.java("--enable-native-access=ALL-UNNAMED", Main.class.getName(), "bench", "kernels", "--device", "cuda"), environment);
        assertEquals(1, bench.code(), bench.err());
        assertTrue(bench.err().contains("--device cuda:0: " + reason + "; use --device cpu"), bench.err());
    }

    @Test
    void noDriverIsTold() {
        assumeTrue(Machine.here().library("libcuda.so.1").isEmpty(), "this machine has a driver");
        String reason = "there is no NVIDIA driver: libcuda.so.1 cannot be loaded";
        String out = Line.run("doctor").out();
        assertTrue(out.contains("cuda       " + reason), out);
        assertTrue(out.contains("--device cuda: cannot be used: " + reason), out);
    }

    /** A tier that is forced and not there leaves nothing to use: told whole, in a process with that environment. */
    @Test
    void aTierThatIsNoneIsTold() throws Exception {
        Processes.Ended ended = Processes.run(
                Processes.java("--enable-native-access=ALL-UNNAMED", Main.class.getName(), "doctor"), Map.of("ADASPEC_CPU_TIER", "abacus"));
        assertEquals(1, ended.code(), ended.err());
        assertTrue(ended.out().lines().toList().getLast().startsWith("use        --device auto: cannot be used: ADASPEC_CPU_TIER is not a tier"), ended.out());
        assertTrue(ended.out().contains("--device reference: works"), ended.out());
    }

    @Test
    void saysWhyATierWasChosen() throws IOException {
        write("proc/cpuinfo", "flags\t\t: fpu avx2 fma f16c bmi2 avx512f avx512bw\n");
        var machine = new Machine(root, Map.of());
        assertEquals("avx2, forced by ADASPEC_CPU_TIER", DoctorCommand.tier(machine, "avx2", "cpu avx2, 1 thread"));
        assertEquals(
                "avx2, the widest that this processor has; not avx512: the processor lacks avx512dq avx512vl avx512cd",
                DoctorCommand.tier(machine, null, "cpu avx2, 1 thread"));
        assertEquals("avx512, the widest that this processor has", DoctorCommand.tier(machine, "", "cpu avx512, 1 thread"));
    }

    @Test
    void aContainersLimitIsTheMemory() throws IOException {
        write("proc/meminfo", "MemTotal:       24689012 kB\n");
        var machine = new Machine(root, Map.of());
        assertEquals(Optional.empty(), machine.memoryLimit());
        write("sys/fs/cgroup/memory.max", "max\n");
        assertEquals(Optional.empty(), machine.memoryLimit());
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assertEquals(Optional.empty(), machine.memoryLimit(), "no limit, as version 1 spells it");
        write("sys/fs/cgroup/memory.max", "8000000000\n");
        assertEquals(Optional.of(8000000000L), machine.memoryLimit());
    }

    @Test
    void readsAMachineWithAGpu() throws IOException {
        write("dev/nvidia0", "");
        write("dev/nvidiactl", "");
        write("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27\nGCC version: 12\n");
        write("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA H200\nIRQ:   7\n");
        write("proc/cpuinfo", "processor\t: 0\nmodel name\t: A CPU: fast\nflags\t\t: fpu avx512f avx2 avx512_bf16\nflags : none\n");
        write("proc/meminfo", "MemTotal:       24689012 kB\nMemFree: 1 kB\n");
        write("opt/cuda/lib/libcublas.so.12", "");
        write("usr/local/cuda-13.0/lib64/libcublas.so.13.1.0.3", "");
        Path link = root.resolve("usr/local/cuda-13.0/lib64/libcublas.so.13");
        Files.createSymbolicLink(link, Path.of("libcublas.so.13.1.0.3"));
        var machine = new Machine(root, Map.of("LD_LIBRARY_PATH", "/nowhere:/opt/cuda/lib"));
        assertEquals("A CPU: fast", machine.processor());
        assertEquals(List.of("avx2", "avx512f", "avx512_bf16"), machine.vectorFeatures());
        assertEquals(Optional.of(24689012L * 1024), machine.memoryBytes());
        assertEquals(List.of(
                "1 found: NVIDIA H200",
                "driver: NVIDIA UNIX x86_64 Kernel Module 580.65.06 Sun Jul 27",
                "libcuda.so.1: not found",
                "libcublas.so.13: " + link + " (libcublas.so.13.1.0.3)",
                "libcublas.so.12: " + root.resolve("opt/cuda/lib/libcublas.so.12")),
                DoctorCommand.gpu(machine));
    }

    @Test
    void aMachineThatTellsNothingIsNoError() {
        var machine = new Machine(root, Map.of());
        assertEquals("unknown", machine.processor());
        assertEquals(List.of(), machine.vectorFeatures());
        assertEquals(Optional.empty(), machine.memoryBytes());
        assertTrue(DoctorCommand.gpu(machine).getFirst().startsWith("none"));
    }

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }
}
