package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import adaspec.common.Json;
import adaspec.common.UsageException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScheduleTest {
    private static final Path GOLDEN = Path.of(System.getProperty("basedir", ""), "java/golden/train/schedule.json");

    /** Rates are the same arithmetic in f64; a cosine may differ in its last bits. */
    @Test
    void ratesAndWarmupStepsAreThoseOfTransformers() {
        int rates = 0;
        for (JsonNode golden : Json.readFile(GOLDEN)) {
            var schedule = new Schedule(Schedule.Kind.valueOf(golden.get("kind").asText().toUpperCase(Locale.ROOT)), golden.get("ratio").asDouble());
            long steps = golden.get("steps").asLong();
            assertEquals(golden.get("warmup_steps").asLong(), schedule.warmupSteps(steps), golden::toString);
            for (int step = 1; step <= steps; step++) {
                assertEquals(golden.get("rates").get(step - 1).asDouble(), schedule.factor(step, steps), 1e-15, golden + " step " + step);
                rates++;
            }
        }
        assertEquals(3 * 7 * (1 + 2 + 7 + 30) + 300, rates);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
    void refusesARatioOutOfRange(double ratio) {
        String sentence = assertThrows(UsageException.class, () -> new Schedule(Schedule.Kind.LINEAR, ratio)).getMessage();
        assertEquals("--warmup-ratio " + ratio + " is out of range; a number from 0 to 1 was expected", sentence);
    }
}
