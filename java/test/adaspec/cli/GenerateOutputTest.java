package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.engine.ModelDirectories;
import adaspec.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where {@code generate} puts its results when the reader of standard output goes away, or the place for a file is none. */
class GenerateOutputTest {
    @TempDir
    private Path folder;

    /** {@code generate ... --output-json F | head -1}: the reader has had enough of the text, and the file was asked for all the same. */
    @ParameterizedTest
    @ValueSource(strings = {"1", "2"})
    void aReaderThatWentAwayDoesNotCostTheFile(String batchSize) throws IOException {
        Path target = ModelDirectories.write(folder.resolve("target"), 1, 1, DType.F32);
        Path prompts = Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt\":\"a\"}\n".repeat(3));
        Path json = folder.resolve("out.jsonl");
        String[] arguments = {"generate", "--target", target.toString(), "--prompt-file", prompts.toString(), "--max-new-tokens", "9", "--batch-size",
                batchSize, "--output-json", json.toString()};
        OutputStream gone = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        };
        var log = new ByteArrayOutputStream();
        int code = Main.run(List.of(GenerateCommand.class), arguments, new PrintStream(new StandardOutput(gone), false, StandardCharsets.UTF_8),
                new PrintStream(log, true, StandardCharsets.UTF_8));
        assertEquals(Main.OK, code, log.toString(StandardCharsets.UTF_8));
        assertEquals(3, Files.readAllLines(json).size());
    }

    @Test
    void aFileIsNoPlaceForAFile() throws IOException {
        Path target = ModelDirectories.write(folder.resolve("target"), 1, 1, DType.F32);
        Path file = Files.writeString(folder.resolve("file"), "");
        Line line = Line.run(List.of(GenerateCommand.class), "generate", "--target", target.toString(), "--prompt", "a", "--max-new-tokens", "1",
                "--output-json", file.resolve("out.jsonl").toString());
        assertEquals(Main.FAILED, line.code());
        String sentence = "cannot write " + file.resolve("out.jsonl") + ": " + file + " is a file and not a folder";
        assertTrue(line.log().contains(sentence), line.log());
    }
}
