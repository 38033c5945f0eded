package adaspec.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.engine.Backend;
import adaspec.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The measuring of decoding, on the tiny shapes. */
class DecodingBenchmarkTest {
    private static DecodingReport run(DecodingBenchmark.Settings settings, List<String> progress) {
        try (var backend = Backend.open("auto", 1)) {
            return new DecodingBenchmark(settings, backend, progress::add).run();
        }
    }

    private static Map<String, Measurement> byName(DecodingReport report) {
        return report.measurements().stream().collect(Collectors.toMap(Measurement::name, Function.identity()));
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"F32", "BF16"})
    void everyFigureHangsTogether(DType type) {
        var settings = new DecodingBenchmark.Settings(
                new ModelSource.Random(PythiaShape.TINY, type, 1), new ModelSource.Random(PythiaShape.TINY_DRAFT, type, 2), 7, 40, 3, 0.75, 70, 4);
        var progress = new ArrayList<String>();
        Map<String, Measurement> all = byName(run(settings, progress));
        assertEquals(4, progress.size());
        for (Measurement each : all.values()) {
            assertTrue(each.min() <= each.median() && each.median() <= each.max() && each.value() == each.median(), each.toString());
            assertTrue(Double.isFinite(each.value()) && each.value() > 0, each.toString());
        }
        Measurement plain = all.get("decode: plain");
        // Each repetition has a bound of its own: its share lies between the extremes of both.
        Measurement bound = all.get("decode: plain bound");
        assertTrue(plain.peakShare() >= plain.min() / bound.max() && plain.peakShare() <= plain.max() / bound.min(), plain + " of " + bound);
        Measurement reading = all.get("decode: read bandwidth");
        assertEquals(reading.value() / bound.value(), reading.max() / bound.max(), 1e-6 * reading.value() / bound.value());
        Measurement prefill = all.get("decode: prefill operations");
        assertEquals(prefill.value() / all.get("decode: gemm 1024 f32").value(), prefill.peakShare(), 1e-12);
        assertEquals(prefill.peakShare(), all.get("decode: prefill").peakShare(), 1e-12);
        double tau = all.get("decode: tau").value();
        assertTrue(tau > 1.5 && tau < 4, "tau " + tau + " of drafts of 3 tokens");
        double predicted = tau / (3 * all.get("decode: c").value() + all.get("decode: w").value());
        assertEquals(predicted, all.get("decode: predicted speed-up").value(), 1e-12);
        assertEquals(all.get("decode: speed-up").value() / predicted, all.get("decode: speculative").peakShare(), 1e-12);
    }

    @Test
    void withoutADraftNothingIsSaidOfSpeculation() {
        var settings = new DecodingBenchmark.Settings(new ModelSource.Random(PythiaShape.TINY, DType.BF16, 1), null, 5, 6, 5, 0, 4, 1);
        DecodingReport report = run(settings, new ArrayList<>());
        assertTrue(byName(report).keySet().stream().noneMatch(name -> name.contains("specul") || name.contains("tau")));
        assertFalse(String.join("\n", report.lines()).contains("lossless"));
    }

    @Test
    void aModelWithTooFewPositionsIsNamed() {
        var settings = new DecodingBenchmark.Settings(new ModelSource.Random(PythiaShape.TINY, DType.BF16, 1), null, 2000, 60, 5, 0, 4, 1);
        var e = assertThrows(InputException.class, () -> run(settings, new ArrayList<>()));
        assertEquals("the target has 2048 positions; at least 2065 were expected: shorten the context", e.getMessage());
    }
}
