package adaspec.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.engine.Backend;
import adaspec.tensor.DType;
import adaspec.train.PhaseClock.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The measuring of training, on the tiny shape. */
class TrainingBenchmarkTest {
    private static final int STEPS = 2;

    @ParameterizedTest
    @CsvSource({"F32, 1, false", "BF16, 1, false", "F32, 3, true", "BF16, 3, true"})
    void everyFigureHangsTogether(DType precision, int epochs, boolean cache) {
        var settings = new TrainingBenchmark.Settings(TrainingShape.TINY, 3, 20, STEPS, epochs, 1, precision, cache);
        List<String> progress = new ArrayList<>();
        TrainingReport report;
        try (var backend = Backend.open("auto", 1)) {
            report = new TrainingBenchmark(settings, backend, progress::add).run();
        }
        Map<String, Measurement> all = report.measurements().stream().collect(Collectors.toMap(Measurement::name, Function.identity()));
        assertEquals(STEPS * epochs + (cache ? 1 : 0), progress.size());
        for (Measurement each : all.values()) {
            assertTrue(each.min() <= each.median() && each.median() <= each.max() && each.value() == each.median(), each.toString());
            assertTrue(Double.isFinite(each.value()) && each.value() >= 0, each.toString());
        }
        Measurement tokens = all.get("train: tokens");
        assertTrue(tokens.peakShare() > 0, tokens.toString());
        double slowest = 3 * 20 / tokens.min();
        double phases = 0;
        for (Phase phase : Phase.values()) {
            Measurement measured = all.get("train: " + phase);
            assertTrue(measured.median() > 0, phase + " took no time");
            phases += measured.min();
        }
        assertTrue(phases <= slowest, "phases of " + phases + " s in steps of at most " + slowest + " s");
        assertEquals(cache, all.containsKey("train: teacher cache"));
        if (epochs > 1) {
            // The whole takes the cache's time too, so it is slower than the steps' mean, which no step is slower than.
            double whole = all.get("train: " + epochs + " epochs").value();
            assertTrue(whole < tokens.max(), whole + " tokens/s in all, " + tokens);
        }
    }
}
