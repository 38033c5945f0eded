package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.engine.ModelDirectories;
import adaspec.tensor.DType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What stands where a file should: nothing, a folder, a pipe, a device, gigabytes of nothing, a file that may not be read. One sentence, soon. */
class BadFilesTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    private Path model;
    private Path prompts;

    @BeforeEach
    void writeModel() throws IOException {
        model = ModelDirectories.write(folder.resolve("model"), 1, 1, DType.F16);
        prompts = Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt\": \"hi\"}\n");
    }

    private String[] generate() {
        return new String[] {
            "generate", "--target", model.toString(), "--prompt-file", prompts.toString(), "--max-new-tokens", "2", "--output-json",
            folder.resolve("out.jsonl").toString()
        };
    }

    /** The one sentence of a command that fails with 1 and leaves no result. */
    private String refusal() {
        Line line = assertTimeoutPreemptively(SOON, () -> Line.run(generate()));
        return sentence(line.code(), line.log());
    }

    private String sentence(int code, String log) {
        assertEquals(Main.FAILED, code, log);
        List<String> errors = log.lines().filter(l -> l.startsWith("error: ")).toList();
        assertEquals(1, errors.size(), log);
        assertFalse(log.contains("\tat ") || log.contains("internal error") || log.contains("out of memory"), log);
        assertFalse(Files.exists(folder.resolve("out.jsonl")), "something was written");
        return errors.getFirst();
    }

    private Path file(String name) {
        return name.equals("prompts.jsonl") ? prompts : model.resolve(name);
    }

    @Test
    void theGoodFilesAreGood() {
        assertEquals(Main.OK, Line.run(generate()).code());
    }

    @ParameterizedTest
    @CsvSource({
        "config.json, is empty", "model.safetensors, has 0 bytes", "tokenizer.json, is empty", "prompts.jsonl, is empty"
    })
    void emptyFiles(String name, String expected) throws IOException {
        Files.write(file(name), new byte[0]);
        String sentence = refusal();
        assertTrue(sentence.contains(file(name).toString()) && sentence.contains(expected), sentence);
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", "model.safetensors", "tokenizer.json", "prompts.jsonl"})
    void folders(String name) throws IOException {
        Files.delete(file(name));
        Files.createDirectory(file(name));
        assertTrue(refusal().contains(file(name).toString()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", "model.safetensors", "tokenizer.json"})
    void pipesAreNotWaitedForAndDevicesAreNotReadToTheirEnd(String name) throws Exception {
        Files.delete(file(name));
        assertEquals(0, new ProcessBuilder("mkfifo", file(name).toString()).start().waitFor());
        assertTrue(refusal().contains(file(name) + " is a pipe or a device"));
        Files.delete(file(name));
        Files.createSymbolicLink(file(name), Path.of("/dev/zero"));
        assertTrue(refusal().contains(file(name) + " is a pipe or a device"));
    }

    /** Files that a disk holds in no room at all. */
    @ParameterizedTest
    @CsvSource({
        "config.json, a JSON file of at most", "model.safetensors, belong to no tensor", "tokenizer.json, a JSON file of at most",
        "prompts.jsonl, is longer than"
    })
    void gigabytesOfNothing(String name, String expected) throws IOException {
        try (var file = new RandomAccessFile(file(name).toFile(), "rw")) {
            file.setLength(5L << 30);
            if (!name.endsWith("safetensors")) {
                file.seek(0);
                file.write(new byte[1 << 16]);
            }
        }
        String sentence = refusal();
        assertTrue(sentence.contains(file(name).toString()) && sentence.contains(expected), sentence);
    }

    @ParameterizedTest
    @CsvSource({
        "none.safetensors, there is no such file", "../escape.safetensors, same folder", "/etc/passwd, same folder", ".., is a folder"
    })
    void shardsThatAreNotThere(String shard, String expected) throws IOException {
        Files.delete(file("model.safetensors"));
        Files.writeString(
                file("model.safetensors.index.json"), "{\"weight_map\": {\"gpt_neox.embed_in.weight\": \"" + shard + "\"}}");
        String sentence = refusal();
        assertTrue(sentence.contains(expected), sentence);
    }

    /** More parameters than any memory holds: told before anything is made. */
    @Test
    void aNewModelBeyondAllMemoryIsRefused() throws IOException {
        String config = Files.readString(file("config.json"));
        Path huge = Files.writeString(
                folder.resolve("huge.json"),
                config.replaceFirst("\"hidden_size\" : \\d+", "\"hidden_size\" : 16777216")
                        .replaceFirst("\"num_hidden_layers\" : \\d+", "\"num_hidden_layers\" : 4096"));
        Line line = assertTimeoutPreemptively(SOON, () -> Line.run(
                "init", "--config", huge.toString(), "--tokenizer", model.toString(), "--output", folder.resolve("out").toString()));
        sentence(line.code(), line.log());
        assertFalse(Files.exists(folder.resolve("out")));
    }

    /** As root, for whom there are no permissions, in a process that has given up that privilege. */
    @ParameterizedTest
    @ValueSource(strings = {"config.json", "model.safetensors", "tokenizer.json", "prompts.jsonl"})
    void filesThatMayNotBeRead(String name) throws Exception {
        Files.setPosixFilePermissions(file(name), PosixFilePermissions.fromString("---------"));
        List<String> command = new ArrayList<>();
        if (Files.isReadable(file(name))) {
            Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv")), "root without setpriv (util-linux), which gives up its privilege");
            command.addAll(List.of("/usr/bin/setpriv", "--bounding-set=-dac_override,-dac_read_search"));
        }
        command.addAll(Processes.java("--enable-native-access=ALL-UNNAMED", "adaspec.cli.Main"));
        command.addAll(List.of(generate()));
        Processes.Ended ended = Processes.run(command);
        String sentence = sentence(ended.code(), ended.err());
        assertTrue(sentence.contains(file(name) + ": permission denied"), sentence);
    }
}
