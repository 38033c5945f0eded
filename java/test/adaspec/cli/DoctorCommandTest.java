package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
        for (String key : List.of("engine ", "java ", "memory ", "processor ", "library ", "model ", "gpu ", "device ")) {
            assertTrue(line.out().lines().anyMatch(text -> text.startsWith(key)), key + "is missing in\n" + line.out());
        }
        assertTrue(line.out().contains("--device reference: works"), line.out());
        assertTrue(line.out().contains("--device cuda: cannot be used: "), line.out());
        assertTrue(line.out().contains("--device auto: takes "), line.out());
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
        write("usr/local/cuda-13.0/lib64/libcublas.so.13", "");
        var machine = new Machine(root, "/nowhere:/opt/cuda/lib");
        assertEquals("A CPU: fast", machine.processor());
        assertEquals(List.of("avx2", "avx512f", "avx512_bf16"), machine.vectorFeatures());
        assertEquals(Optional.of(24689012L * 1024), machine.memoryBytes());
        assertEquals(List.of(
                "1 found: NVIDIA H200",
                "driver: NVIDIA UNIX x86_64 Kernel Module 580.65.06 Sun Jul 27",
                "libcuda.so.1: not found",
                "libcublas.so.13: " + root.resolve("usr/local/cuda-13.0/lib64/libcublas.so.13"),
                "libcublas.so.12: " + root.resolve("opt/cuda/lib/libcublas.so.12")),
                DoctorCommand.gpu(machine));
    }

    @Test
    void aMachineThatTellsNothingIsNoError() {
        var machine = new Machine(root, null);
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
