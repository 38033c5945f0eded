package adaspec.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.device.Device;
import adaspec.device.TestCuda;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class KernelTimingsTest {
    private static final KernelShapes TINY = new KernelShapes(96, 3, 64, 9);

    private static KernelTimings.Settings settings(String... only) {
        return new KernelTimings.Settings(TINY, 2, List.of(only), 1 << 16, 0, 0);
    }

    /** Every case computes something on the processor, at extents that divide nothing. */
    @Test
    void everyOperationIsTimedOnTheProcessor() {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
        try (var device = Device.open("cpu", 2)) {
            check(new KernelTimings(settings(), KernelMachine.on(device), line -> {}).run(), "cpu ");
            assertEquals(0, device.bytesHeld(), "operands were not given back");
        }
    }

    /** The same on a CUDA device: kernels as the emulator runs them, memory that only copies reach, events for a clock. */
    @Test
    void everyOperationIsTimedOnACudaDevice() {
        try (var device = TestCuda.emulated()) {
            var said = new ArrayList<String>();
            KernelReport report = new KernelTimings(settings(), KernelMachine.on(device), said::add).run();
            check(report, "cuda:0 Stand-in, cuda emulated");
            assertEquals(0, device.bytesHeld(), "operands were not given back");
            assertTrue(said.contains("no bound of arithmetic: cuBLAS was not found"), said.toString());
            assertTrue(report.lines().stream().noneMatch(line -> line.startsWith("large product")), "a peak that was not measured is told");
        }
    }

    private static void check(KernelReport report, String device) {
        List<Measurement> all = report.measurements();
        for (Measurement each : all) {
            assertTrue(each.device().startsWith(device), each.toString());
            assertTrue(each.value() > 0 && each.min() <= each.median() && each.median() <= each.max(), each.toString());
        }
        for (KernelCase operation : KernelCases.of(TINY)) {
            List<Measurement> found = all.stream()
                    .filter(m -> m.shape().equals(operation.shape()))
                    .filter(m -> m.name().equals("kernels: " + operation.name()) || m.name().equals("kernels: " + operation.name() + " rate"))
                    .toList();
            assertEquals(2, found.size(), operation.name());
            assertTrue(found.getFirst().peakShare() > 0, found.toString());
            double amount = found.get(1).unit().equals("bytes/s") ? operation.bytes() : operation.operations();
            assertEquals(amount / found.getFirst().min(), found.get(1).max(), 1e-9 * found.get(1).max(), operation.name());
        }
    }

    /** A new operation of the ABI is timed, or is named here. */
    @Test
    void everyOperationOfTheAbiHasItsCase() throws IOException {
        Set<String> without = Set.of("set_threads", "bias_add", "column_sum", "cache_append", "cache_append_batch");
        String header = Files.readString(Path.of(System.getProperty("basedir", ""), "cuda/include/adaspec.h"));
        Set<String> timed = KernelTimings.names(TINY).stream().map(name -> name.split(" ")[0]).collect(Collectors.toSet());
        var operations = Pattern.compile("ADASPEC_API int32_t adaspec_(\\w+)\\(").matcher(header).results().map(m -> m.group(1)).toList();
        assertTrue(operations.size() > 30, operations.toString());
        for (String operation : operations) {
            assertEquals(!without.contains(operation), timed.contains(operation), operation);
        }
    }

    @Test
    void onlyWhatIsAskedForIsTimed() {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
        try (var device = Device.open("cpu", 1)) {
            List<String> names = new KernelTimings(settings("sample", "adamw"), KernelMachine.on(device), line -> {}).run().measurements().stream()
                    .map(Measurement::name).filter(name -> !name.matches(".*(bandwidth|gemm|rate).*")).toList();
            assertEquals(
                    List.of("kernels: sample greedy", "kernels: sample temperature", "kernels: sample top-k 50, top-p 0.9", "kernels: adamw"), names);
        }
    }

    @Test
    void theFloorIsTheLongerOfBytesAndOperations() {
        var peaks = new KernelPeaks(100, 50, 1000);
        assertEquals(3, floor(300, 0, 0, peaks), "reading alone");
        assertEquals(200 / 50.0, floor(100, 100, 0, peaks), "a copy");
        assertEquals(200 / 50.0 + 200 / 100.0, floor(300, 100, 0, peaks), "what is read beside what is written goes at the rate of a copy");
        assertEquals(160 / 50.0, floor(60, 100, 0, peaks), "more written than read");
        assertEquals(5, floor(300, 0, 5000, peaks), "arithmetic takes longer");
        assertEquals(3, floor(300, 0, 2000, peaks), "memory takes longer");
        assertEquals(3, floor(300, 0, 5000, new KernelPeaks(100, 50, Double.NaN)), "no peak is known");
    }

    private static double floor(double read, double written, double operations, KernelPeaks peaks) {
        return new KernelCase("x", "y", read, written, operations, null).floorSeconds(peaks);
    }

    /** A kernel that was never run, or that met numbers that are none, has no time worth telling. */
    @Test
    void whatComputesNothingOrNoNumberIsNotTimed() {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
        try (var device = Device.open("cpu", 1);
                var memory = KernelMachine.on(device).newMemory()) {
            var make = new KernelOperands(memory);
            var zeros = new KernelCase.Work(() -> {}, make.zeros(3), 3, true);
            assertTrue(assertThrows(IllegalStateException.class, () -> KernelTimings.check("x", zeros)).getMessage().contains("computed nothing"));
            var nan = new KernelCase.Work(() -> {}, memory.filled(8, Fill.constant(Float.NaN)), 2, true);
            assertTrue(assertThrows(IllegalStateException.class, () -> KernelTimings.check("x", nan)).getMessage().contains("not finite"));
            KernelTimings.check("x", new KernelCase.Work(() -> {}, memory.filled(8, Fill.constant(Float.NaN)), 2, false));
        }
    }
}
