package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.common.Json;
import adaspec.engine.ModelDirectories;
import adaspec.tensor.DType;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code cache}, and {@code distill --teacher-cache}, as they are typed. */
class CacheCommandTest {
    private static final String[] COMMANDS = {"build", "list", "verify", "delete"};

    @TempDir
    private static Path given;

    @TempDir
    private Path folder;

    @BeforeAll
    static void write() throws IOException {
        ModelDirectories.write(given.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(given.resolve("reference"), 1, 3, DType.BF16);
        ModelDirectories.write(given.resolve("draft"), 1, 2, DType.BF16);
        Files.writeString(given.resolve("train.jsonl"), samples(60));
        Files.writeString(given.resolve("many.jsonl"), samples(10_000));
    }

    private static String samples(int count) {
        var lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            lines.append("{\"text\": \"").append(i).append(" and ").append(i * 7L).append(" make ").append(i * 8L).append("\"}\n");
        }
        return lines.toString();
    }

    private String cache() {
        return folder.resolve("cache").toString();
    }

    /** {@code cache COMMAND} on the cache of this test, on the device of plain Java. */
    private Line cache(String command, String... more) {
        var words = new ArrayList<String>(List.of("cache", command, "--teacher-cache", cache(), "--device", "reference"));
        words.addAll(List.of(more));
        return Line.run(words.toArray(String[]::new));
    }

    private static String[] source(String... more) {
        String[] words = {"--target", given.resolve("target").toString(), "--train-file", given.resolve("train.jsonl").toString()};
        return Stream.concat(Arrays.stream(words), Arrays.stream(more)).toArray(String[]::new);
    }

    private static String[] withReference(String... more) {
        return source(Stream.concat(Stream.of("--reference", given.resolve("reference").toString()), Arrays.stream(more)).toArray(String[]::new));
    }

    private Line distill(String output, String... more) {
        var words = new ArrayList<String>(List.of("distill", "--draft", given.resolve("draft").toString(), "--device", "reference", "--max-steps", "2",
                "--num-prompts", "1", "--max-new-tokens", "4", "--output-dir", folder.resolve(output).toString()));
        words.addAll(List.of(more));
        return Line.run(words.toArray(String[]::new));
    }

    private static void assertOk(Line line) {
        assertEquals(0, line.code(), line.log());
    }

    private byte[] bytes(String file) throws IOException {
        return Files.readAllBytes(folder.resolve(file));
    }

    private Path kl() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("cache"))) {
            return files.filter(file -> file.toString().matches(".*reference-kl-[0-9a-f]{16}\\.bin")).findFirst().orElseThrow();
        }
    }

    @Test
    void whatWasBuiltIsListedVerifiedUsedAndDeleted() throws IOException {
        Line built = cache("build", withReference());
        assertOk(built);
        assertTrue(built.log().lines().anyMatch(line -> line.matches("teacher cache: \\d+\\.\\d kB for [\\d,]+ answer tokens, in \\Q" + cache() + "\\E")),
                built.log());
        String description = cache("list").out();
        assertEquals(built.out(), description);
        for (String part : List.of(
                "teacher cache " + cache(), "target     " + given.resolve("target"), "model.safetensors", "precision  float32, asked in batches of 16",
                "57 samples cut at 96 tokens", kl().getFileName().toString().replace(".bin", ""))) {
            assertTrue(description.contains(part), description);
        }
        assertEquals(2, description.lines().filter(line -> line.endsWith(" complete")).count(), description);
        assertEquals(description, cache("list", source()).out());

        Line verified = cache("verify", withReference());
        assertOk(verified);
        assertEquals(List.of(
                        "the target's hidden states of 4 batches, asked again: the largest difference is 0.0",
                        "the reference's KL of 4 batches, asked again: the largest difference is 0.0"),
                verified.out().lines().skip(2).toList());
        assertEquals(2, verified.out().lines().filter(line -> line.endsWith("SHA-256 as recorded")).count(), verified.out());

        assertOk(distill("plain", withReference()));
        Line run = distill("cached", withReference("--teacher-cache", cache()));
        assertOk(run);
        assertFalse(run.log().contains("teacher cache, "), "nothing is left to ask: " + run.log());
        assertArrayEquals(bytes("plain/model.safetensors"), bytes("cached/model.safetensors"));

        // A run that trains its own reference adds that reference's part.
        Line trains = distill("trains", source("--teacher-cache", cache()));
        assertOk(trains);
        assertFalse(trains.log().contains("teacher cache, target"), trains.log());
        assertTrue(trains.log().contains("teacher cache, reference"), trains.log());
        assertEquals(2, cache("list").out().lines().filter(line -> line.contains("reference-kl-")).count());

        Line deleted = cache("delete", source());
        assertOk(deleted);
        assertTrue(deleted.log().contains("deleted the teacher cache " + cache()), deleted.log());
        assertFalse(Files.exists(folder.resolve("cache")));
    }

    @Test
    void inMemoryTheRunIsTheSame() throws IOException {
        assertOk(distill("plain", withReference()));
        Line run = distill("cached", withReference("--teacher-cache", "memory"));
        assertOk(run);
        assertTrue(run.log().contains("answer tokens, in memory"), run.log());
        assertArrayEquals(bytes("plain/model.safetensors"), bytes("cached/model.safetensors"));
    }

    /** Hidden states take half the room, and a bf16 run from them is the run without a cache. */
    @Test
    void bf16IsKeptInBf16() throws IOException {
        assertOk(cache("build", source("--precision", "bf16")));
        long half = Files.size(folder.resolve("cache/target-hidden.bin"));
        assertTrue(cache("list").out().contains("precision  bfloat16"));
        Line other = distill("f32", source("--teacher-cache", cache()));
        assertEquals(1, other.code());
        assertTrue(other.log().contains("was made from another precision (bfloat16; here float32)"), other.log());
        assertOk(distill("plain", withReference("--precision", "bf16")));
        assertOk(distill("cached", withReference("--precision", "bf16", "--teacher-cache", cache())));
        assertArrayEquals(bytes("plain/model.safetensors"), bytes("cached/model.safetensors"));
        assertOk(cache("verify", withReference()));
        assertOk(cache("delete"));
        assertOk(cache("build", source()));
        assertEquals(2 * half, Files.size(folder.resolve("cache/target-hidden.bin")));
    }

    @Test
    void damageIsFound() throws IOException {
        assertOk(cache("build", withReference()));
        Path record = Path.of(kl().toString().replace(".bin", ".json"));
        String before = Files.readString(record);
        flip(kl(), 9);
        Line line = cache("verify");
        assertEquals(1, line.code());
        assertTrue(line.log().contains(kl() + " of a teacher cache is damaged: it has the SHA-256 ") && line.log().contains("cache delete"), line.log());
        // Numbers that are whole and wrong, as those of another model would be.
        Files.writeString(record, before.replaceAll("\"sha256\" : \"\\w+\"", "\"sha256\" : \"" + adaspec.common.Sha256.ofFile(kl()) + "\""));
        assertOk(cache("verify"));
        line = cache("verify", withReference());
        assertEquals(1, line.code());
        assertTrue(line.log().contains("does not hold what its models say: the reference's KL"), line.log());
        try (FileChannel channel = FileChannel.open(kl(), StandardOpenOption.WRITE)) {
            channel.truncate(12);
        }
        line = cache("verify");
        assertEquals(1, line.code());
        assertTrue(line.log().contains("it has 12 bytes instead of"), line.log());
        assertTrue(cache("list").out().contains("damaged"), cache("list").out());
        // Gone altogether, with its record left behind.
        Path data = kl();
        Files.delete(data);
        line = cache("verify");
        assertEquals(1, line.code());
        assertTrue(line.log().contains(data.getFileName() + " of a teacher cache is damaged: it has 0 bytes instead of"), line.log());
    }

    /** Changes a bit of the exponent of a number of the first batch. */
    private static void flip(Path file, int number) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[4 * number + 3] ^= 0x40;
        Files.write(file, bytes);
    }

    @Test
    void anotherTargetIsNotVerifiedNorDeleted() throws IOException {
        assertOk(cache("build", source()));
        Path other = ModelDirectories.write(folder.resolve("other"), 2, 9, DType.F32);
        String[] wrong = {"--target", other.toString(), "--train-file", given.resolve("train.jsonl").toString()};
        for (String command : List.of("build", "verify", "delete")) {
            Line line = cache(command, wrong);
            assertEquals(1, line.code(), command);
            assertTrue(line.log().contains("was made from another target (its model.safetensors has another SHA-256)"), line.log());
        }
        assertEquals("", cache("list", wrong).out());
        assertTrue(cache("list", wrong).log().contains("no teacher cache of these models and data"));
        assertOk(cache("verify"));
    }

    @Test
    void aFolderOfCachesIsListed() throws IOException {
        Files.createDirectories(folder.resolve("many/empty"));
        assertOk(cache("build", source()));
        Files.move(folder.resolve("cache"), folder.resolve("many/b"), StandardCopyOption.ATOMIC_MOVE);
        assertOk(cache("build", source("--model-max-length", "20")));
        Files.move(folder.resolve("cache"), folder.resolve("many/a"), StandardCopyOption.ATOMIC_MOVE);
        Line line = Line.run("cache", "list", "--teacher-cache", folder.resolve("many").toString());
        assertOk(line);
        assertEquals(
                List.of("teacher cache " + folder.resolve("many/a"), "teacher cache " + folder.resolve("many/b")),
                line.out().lines().filter(text -> text.startsWith("teacher cache")).toList());
        line = Line.run("cache", "list", "--teacher-cache", folder.resolve("many/empty").toString());
        assertOk(line);
        assertEquals("", line.out());
        assertTrue(line.log().contains("there is no teacher cache in "), line.log());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            2 | build                              | a target and its training files belong together
            2 | build --train-file x               | a target and its training files belong together
            2 | verify --target x                  | a target and its training files belong together
            2 | delete --reference x               | a target and its training files belong together
            2 | build --target x --train-file y --model-max-length 1            | at least 2 tokens
            2 | build --target x --train-file y --per-device-train-batch-size 0 | at least 1
            2 | build --target x --train-file y --dataset-format csv            | --dataset-format
            2 | list --no-such                     | --no-such
            1 | build --target nowhere --train-file y | nowhere
            1 | list                               | there is no such file
            1 | verify                             | is no teacher cache
            1 | delete                             | is no teacher cache
            """)
    void refusesWhatItCannotDo(int code, String command, String expected) {
        String[] words = command.split(" +");
        Line line = cache(words[0], Arrays.copyOfRange(words, 1, words.length));
        assertEquals(code, line.code(), line.log());
        assertTrue(line.log().startsWith("error: ") || line.log().contains("\nerror: "), line.log());
        assertTrue(line.log().contains(expected), line.log());
        assertFalse(line.log().contains("internal error"), line.log());
        assertFalse(Files.exists(folder.resolve("cache")), "nothing is half-written");
    }

    @Test
    void withoutACommandItNamesThem() {
        Line line = Line.run("cache");
        assertEquals(2, line.code());
        Stream.of(COMMANDS).forEach(command -> assertTrue(line.log().contains("`" + command + "`"), line.log()));
    }

    @Test
    void otherPeoplesFoldersAreLeftAlone() throws IOException {
        Files.createDirectories(folder.resolve("cache"));
        Files.writeString(folder.resolve("cache/notes.txt"), "mine");
        for (String command : COMMANDS) {
            Line line = cache(command, command.equals("build") ? source() : new String[0]);
            assertEquals(command.equals("list") ? 0 : 1, line.code(), line.log());
        }
        assertEquals("mine", Files.readString(folder.resolve("cache/notes.txt")));
    }

    /** Killed once and interrupted once, each time when more of it was sure, it ends with the files of a build that nothing disturbed. */
    @Test
    void killedAnywhereItGoesOnToTheSameBytes() throws Exception {
        String[] many = {"--target", given.resolve("target").toString(), "--train-file", given.resolve("many.jsonl").toString()};
        assertOk(cache("build", many));
        Files.move(folder.resolve("cache"), folder.resolve("undisturbed"), StandardCopyOption.ATOMIC_MOVE);
        int sure = 0;
        for (String signal : List.of("KILL", "INT")) {
            Process process = Processes.start(Processes.java(Stream.concat(
                            Stream.of("adaspec.cli.Main", "cache", "build", "--teacher-cache", cache(), "--device", "reference"), Arrays.stream(many))
                    .toArray(String[]::new)));
            try {
                process.inputReader().lines().filter(line -> line.startsWith("teacher cache: ")).findFirst().orElseThrow();
                sure = waitForMoreThan(sure, process);
                if (signal.equals("KILL")) {
                    process.destroyForcibly();
                    Processes.waitFor(process);
                } else {
                    Processes.signal(signal, process.pid());
                    assertEquals(Main.INTERRUPTED, Processes.waitFor(process));
                }
            } finally {
                process.destroyForcibly();
            }
            assertTrue(cache("list").out().matches("(?s).*target-hidden .* of 9,500 samples\\R.*"), cache("list").out());
        }
        assertOk(cache("build", many));
        Files.list(folder.resolve("cache")).filter(file -> file.toString().endsWith(".tmp")).forEach(file -> file.toFile().delete());
        assertEquals(files("undisturbed"), files("cache"));
    }

    /** Samples that are sure, once they are more than {@code samples}. */
    private int waitForMoreThan(int samples, Process process) throws InterruptedException {
        Path record = folder.resolve("cache/target-hidden.json");
        while (process.isAlive()) {
            int now = Files.exists(record) ? Json.readFile(record).get("samples").asInt() : 0;
            if (now > samples) {
                return now;
            }
            Thread.sleep(20);
        }
        throw new AssertionError("it ended before more than " + samples + " samples were sure");
    }

    private TreeMap<String, String> files(String name) throws IOException {
        var files = new TreeMap<String, String>();
        try (Stream<Path> all = Files.list(folder.resolve(name))) {
            for (Path file : new TreeSet<>(all.toList())) {
                files.put(file.getFileName().toString(), adaspec.common.Sha256.ofFile(file));
            }
        }
        return files;
    }
}
