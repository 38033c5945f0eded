package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.common.InputException;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.tensor.DType;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A model's file that somebody cuts off, or writes to, while it is mapped. Without help the first is a SIGBUS in native code and the end of the process,
 * and the second goes unseen.
 */
class ChangedFilesTest {
    @TempDir
    private Path folder;

    private Path target;
    private Path weights;

    @BeforeEach
    void write() throws IOException {
        assertTrue(ChangedFilesTest.class.getClassLoader().getResource("native/linux-x86_64/libadaspec_pages.so") != null,
                "the native libraries of this build are older than libadaspec_pages.so, and a test would end the JVM; build them again");
        // Enough pages that some were not read when it is cut off.
        target = ModelDirectories.write(folder.resolve("target"), 2, 1, DType.F32);
        weights = target.resolve("model.safetensors");
        Files.setLastModifiedTime(weights, FileTime.fromMillis(1_700_000_000_000L));
        assertTrue(Files.size(weights) > 8 * 4096, "too small a file to be cut off in its middle");
    }

    private static EngineOptions options() {
        return new EngineOptions("cpu", 2, null, Speculation.of(2));
    }

    private static void cutOff(Path file) {
        try (var open = new RandomAccessFile(file.toFile(), "rw")) {
            open.setLength(4096);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String said(InputException e) {
        assertFalse(e.getMessage().contains("\n"), e::getMessage);
        return e.getMessage();
    }

    /** In the middle of a text; another engine, whose files are whole, goes on. */
    @Test
    void aModelThatIsCutOffWhileItGeneratesIsASentence() throws IOException {
        Path other = ModelDirectories.write(folder.resolve("other"), 2, 1, DType.F32);
        try (Engine whole = Engine.open(other, null, options());
                Engine engine = Engine.open(target, null, options())) {
            int[] expected = whole.generate("Tom", Sampling.greedy(20), token -> {}).ids();
            List<Integer> heard = new ArrayList<>();
            InputException e = assertThrows(InputException.class, () -> engine.generate("Tom", Sampling.greedy(20), token -> {
                heard.add(token.id());
                if (heard.size() == 3) {
                    cutOff(weights);
                }
            }));
            assertTrue(said(e).startsWith(weights + " has become shorter") && said(e).contains("start again"), e::getMessage);
            assertEquals(3, heard.size(), "tokens were made of weights that are gone");
            assertTrue(said(assertThrows(InputException.class, () -> engine.generate("Tom", Sampling.greedy(2), token -> {}))).contains(weights.toString()));
            assertArrayEquals(expected, whole.generate("Tom", Sampling.greedy(20), token -> {}).ids());
        }
        // Neither does a loss outlive its engine.
        Files.copy(other.resolve("model.safetensors"), weights, StandardCopyOption.REPLACE_EXISTING);
        try (Engine again = Engine.open(target, null, options())) {
            assertEquals(20, again.generate("Tom", Sampling.greedy(20), token -> {}).ids().length);
        }
    }

    @Test
    void aDraftThatIsCutOffBetweenTwoTextsIsASentence() {
        Path draft = ModelDirectories.write(folder.resolve("draft"), 1, 2, DType.F32);
        try (Engine engine = Engine.open(target, draft, options())) {
            engine.generate("Tom", Sampling.greedy(5), token -> {});
            cutOff(draft.resolve("model.safetensors"));
            InputException e = assertThrows(InputException.class, () -> engine.generate("Tom", Sampling.greedy(5), token -> {}));
            assertTrue(said(e).startsWith(draft.resolve("model.safetensors") + " was written to while it was in use"), e::getMessage);
        }
    }

    /** What is read would be another model, from one layer on. */
    @Test
    void aModelThatIsWrittenToIsNotedAtTheEndOfTheText() throws IOException {
        try (Engine engine = Engine.open(target, null, options())) {
            InputException e = assertThrows(InputException.class, () -> engine.generate("Tom", Sampling.greedy(5), token -> {
                try (var file = new RandomAccessFile(weights.toFile(), "rw")) {
                    file.seek(file.length() - 4);
                    file.writeFloat(1);
                } catch (IOException failure) {
                    throw new AssertionError(failure);
                }
            }));
            assertTrue(said(e).startsWith(weights + " was written to while it was in use"), e::getMessage);
        }
    }

    /** As programs save: the engine goes on with what it has open. */
    @Test
    void aModelThatIsReplacedByARenameIsAsItWas() throws IOException {
        try (Engine engine = Engine.open(target, null, options())) {
            int[] expected = engine.generate("Tom", Sampling.greedy(20), token -> {}).ids();
            Path other = ModelDirectories.write(folder.resolve("other"), 2, 7, DType.F32);
            Files.move(other.resolve("model.safetensors"), weights, StandardCopyOption.REPLACE_EXISTING);
            assertArrayEquals(expected, engine.generate("Tom", Sampling.greedy(20), token -> {}).ids());
            Files.delete(weights);
            assertArrayEquals(expected, engine.generate("Tom", Sampling.greedy(20), token -> {}).ids());
        }
    }

    /** On the processor in native code, on the reference in Java's: one sentence, exit code 1, and a checkpoint that can be taken up. */
    @ParameterizedTest
    @ValueSource(strings = {"cpu", "reference"})
    void aTargetThatIsCutOffWhileItTeachesLosesNoCheckpoint(String device) throws Exception {
        Path draft = ModelDirectories.write(folder.resolve("draft"), 1, 2, DType.F32);
        Path train = ModelDirectories.writeSums(folder.resolve("train.jsonl"));
        Path run = folder.resolve("run");
        byte[] whole = Files.readAllBytes(weights);
        List<String> command = Processes.java(
                "-Xmx512m", "--enable-native-access=ALL-UNNAMED", "adaspec.cli.Main", "distill", "--target", target.toString(), "--draft",
                draft.toString(), "--train-file", train.toString(), "--output-dir", run.toString(), "--max-steps", "4000", "--save-steps", "2",
                "--save-total-limit", "2", "--logging-steps", "1", "--num-prompts", "1", "--device", device);
        Process process = Processes.start(command);
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            Processes.readUntil(reader, "reference 3/");
            cutOff(weights);
            List<String> rest = reader.lines().toList();
            assertEquals(1, Processes.waitFor(process), () -> String.join("\n", rest));
            List<String> errors = rest.stream().filter(line -> line.startsWith("error: ")).toList();
            assertEquals(1, errors.size(), rest::toString);
            assertTrue(errors.getFirst().matches("error: .*(has become shorter|was written to while it was in use).*start again"), errors::toString);
            assertTrue(rest.stream().noneMatch(line -> line.contains("SIGBUS") || line.contains("internal error")), rest::toString);
        } finally {
            process.destroyForcibly();
        }
        try (var files = Files.walk(run)) {
            assertEquals(List.of(), files.filter(file -> file.toString().endsWith(".tmp")).toList());
        }
        assertTrue(Files.exists(run.resolve("checkpoint-latest").resolve("trainer_state.json")));
        Files.write(weights, whole);
        try (Engine engine = Engine.open(target, run.resolve("checkpoint-latest"), options())) {
            assertEquals(5, engine.generate("Tom", Sampling.greedy(5), token -> {}).ids().length);
        }
    }
}
