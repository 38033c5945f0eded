package adaspec.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTest {
    @TempDir
    private Path folder;

    @Test
    void curvesAreWhatWasLoggedOncePerStep() throws IOException {
        Path file = Files.writeString(folder.resolve("metrics.jsonl"), """
                {"stage":"reference","step":1,"epoch":0.5,"train/loss":2.5}
                {"stage":"reference","step":2,"epoch":1.0,"train/loss":2.25,"eval/loss":3}
                {"stage":"selective","step":1,"train/loss":1}
                {"stage":"selective","step":2,"train/loss":7}
                {"stage":"selective","step":2,"train/loss":0.5}
                """);
        MetricsFile metrics = MetricsFile.read(file);
        assertEquals(List.of("reference", "selective"), metrics.stages());
        assertEquals(List.of(new Curve.Point(1, 2.5), new Curve.Point(2, 2.25)), metrics.curve("reference", "train/loss").points());
        assertEquals(List.of(new Curve.Point(2, 3)), metrics.curve("reference", "eval/loss").points());
        assertEquals(List.of(new Curve.Point(1, 1), new Curve.Point(2, 0.5)), metrics.curve("selective", "train/loss").points());
        assertTrue(metrics.curve("selective", "train/kl_ref").isEmpty());
        assertEquals(0, metrics.unreadable());
    }

    @Test
    void aDamagedLineCostsItselfAlone() throws IOException {
        Path file = Files.writeString(folder.resolve("metrics.jsonl"), """
                {"stage":"sft","step":1,"train/loss":2.5}
                {"stage":"sft","st
                []
                {"step":3}
                {"stage":"sft","step":"4"}

                {"stage":"sft","step":5,"train/loss":2}
                """);
        MetricsFile metrics = MetricsFile.read(file);
        assertEquals(2, metrics.curve("sft", "train/loss").points().size());
        assertEquals(4, metrics.unreadable());
    }

    @Test
    void noFileIsNoLines() {
        assertEquals(List.of(), MetricsFile.read(folder.resolve("none.jsonl")).stages());
    }
}
