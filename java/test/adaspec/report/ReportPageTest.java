package adaspec.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportPageTest {
    @TempDir
    private Path folder;

    @Test
    void aLongRunHasASmallReport() throws IOException {
        Path metrics = folder.resolve("metrics.jsonl");
        try (var out = Files.newBufferedWriter(metrics)) {
            for (String stage : List.of("reference", "selective")) {
                for (int step = 1; step <= 30_000; step++) {
                    out.write("{\"stage\":\"" + stage + "\",\"step\":" + step + ",\"train/loss\":" + 1.0 / step + ",\"train/kl_draft\":0.123456789,"
                            + "\"train/kl_ref\":0.5,\"train/expected_acceptance\":0.87654321,\"train/gap_mean\":0.1,\"train/selected_fraction\":0.4,"
                            + "\"train/grad_norm\":1.25,\"train/learning_rate\":3e-4,\"eval/loss\":0.5,\"eval/expected_acceptance\":0.9}\n");
                }
            }
        }
        Path file = folder.resolve("report.html");
        new Report("long", List.of(), List.of(), List.of(), List.of()).write(file, metrics);
        assertTrue(Files.size(file) < 500_000, Files.size(file) + " bytes");
        Page page = Page.parse(Files.readString(file));
        assertEquals(200, Page.tips(page.figure("Loss (each point: mean of 300 logged steps)")).size());
    }

    @Test
    void aFolderInThePlaceOfTheFileIsASentence() throws IOException {
        Files.createDirectories(folder.resolve("report.html/x"));
        String sentence = org.junit.jupiter.api.Assertions.assertThrows(
                        adaspec.common.InputException.class,
                        () -> new Report("r", List.of(), List.of(), List.of(), List.of())
                                .write(folder.resolve("report.html"), folder.resolve("none.jsonl")))
                .getMessage();
        assertTrue(sentence.contains("report.html") && sentence.contains("folder"), sentence);
        assertFalse(Files.exists(folder.resolve("report.html.tmp")));
    }

    @Test
    void linesThatCouldNotBeReadAreSaid() throws IOException {
        Path metrics = Files.writeString(folder.resolve("metrics.jsonl"), "{\"stage\":\"sft\",\"step\":1,\"train/loss\":2}\n{\"stage\"\n");
        Path file = folder.resolve("report.html");
        new Report("r", List.of(), List.of(), List.of(), List.of()).write(file, metrics);
        assertTrue(Files.readString(file).contains("1 lines of metrics.jsonl could not be read"));
    }
}
