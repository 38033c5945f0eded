package adaspec.train.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.Sha256;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Workspace;
import adaspec.text.Sample;
import adaspec.train.FrozenModels;
import adaspec.train.LogitsBudget;
import adaspec.train.TinyModels;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of a cache: begun, interrupted, damaged, refused, deleted. */
class FolderCacheTest {
    private static final int BATCH = 4;
    private static final int CHANNELS = 8;

    private final Workspace.Allocator allocator = TestBackends.allocator();
    private final Workspace workspace = new Workspace(TestBackends.allocator(), true);
    private final Ops ops = TestBackends.all().getLast();
    private final List<Sample> samples = TinySamples.of(30, 7);
    private final AnswerRows rows = new AnswerRows(samples);
    private final ReferenceKey reference = new ReferenceKey(TinySamples.hashes("reference"), TinySamples.VOCABULARY);

    @TempDir
    Path temporary;

    @AfterEach
    void free() {
        workspace.close();
        allocator.close();
    }

    private CacheKey key(DType precision) {
        return TinySamples.key(samples, precision, CHANNELS);
    }

    private FolderCache open(Path folder) {
        return new FolderCache(new CacheFolder(folder), key(DType.F32), rows, BATCH, temporary.resolve("target"));
    }

    private FrozenModels models() {
        return new FrozenModels(
                new Transformer(ops, TinyModels.random(TinyModels.architecture(TinySamples.VOCABULARY, CHANNELS, 2, false), 1, allocator), allocator),
                new Transformer(ops, TinyModels.random(TinyModels.architecture(TinySamples.VOCABULARY, 16, 1, false), 3, allocator), allocator),
                TinySamples.VOCABULARY,
                workspace);
    }

    /** Builds what is missing; stops after {@code batches} of each part. */
    private boolean build(Path folder, int batches) {
        try (FolderCache cache = open(folder);
                TeacherCache.Writing writing = cache.write()) {
            int[] left = {batches, batches};
            FrozenModels models = models();
            boolean hidden = new CacheBuilder(samples, cache.batchSize(), workspace, (part, done, total) -> {}, () -> --left[0] == 0)
                    .buildHidden(cache.hidden(), models);
            return new CacheBuilder(samples, cache.batchSize(), workspace, (part, done, total) -> {}, () -> --left[1] == 0)
                            .buildKlReference(cache.klReference(reference), models, LogitsBudget.DEFAULT)
                    && hidden;
        }
    }

    private static Set<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static void assertSameFiles(Path expected, Path actual) throws IOException {
        assertEquals(names(expected), names(actual));
        for (String name : names(expected)) {
            assertArrayEquals(Files.readAllBytes(expected.resolve(name)), Files.readAllBytes(actual.resolve(name)), name);
        }
    }

    private Path whole() {
        Path folder = temporary.resolve("whole");
        if (!Files.exists(folder)) {
            assertTrue(build(folder, Integer.MAX_VALUE));
        }
        return folder;
    }

    private Path kl() {
        return temporary.resolve("whole").relativize(new CacheFolder(temporary.resolve("whole")).klReferenceData(reference));
    }

    private static void change(Path file, UnaryOperator<ObjectNode> change) throws IOException {
        Files.writeString(file, change.apply((ObjectNode) Json.readFile(file)).toPrettyString());
    }

    @Test
    void holdsWhatItsNamesSay() throws IOException {
        String kl = kl().toString();
        assertEquals(
                new TreeSet<>(Set.of("teacher-cache.json", "target-hidden.bin", "target-hidden.json", kl, kl.replace(".bin", ".json"), "lock")),
                names(whole()));
        assertEquals(rows.total() * CHANNELS * 4, Files.size(whole().resolve("target-hidden.bin")));
        assertEquals(rows.total() * 4, Files.size(whole().resolve(kl())));
        JsonNode record = Json.readFile(whole().resolve("target-hidden.json"));
        assertEquals(30, record.get("samples").asInt());
        assertEquals(Sha256.ofFile(whole().resolve("target-hidden.bin")), record.get("sha256").asText());
        assertEquals(key(DType.F32), new CacheFolder(whole()).manifest().key());
    }

    @Test
    void stoppedAnywhereItGoesOnToTheSameBytes() throws IOException {
        for (int batches : new int[] {1, 2, 5}) {
            Path folder = temporary.resolve("stopped-" + batches);
            int times = 1;
            while (!build(folder, batches)) {
                times++;
            }
            assertTrue(times > 1, "it was stopped");
            assertSameFiles(whole(), folder);
        }
    }

    /** What a process that is killed leaves: rows behind those that the record is sure of, whole or torn, and a record that was being replaced. */
    @Test
    void whatAKilledProcessLeftIsMadeAgain() throws IOException {
        for (String name : List.of("target-hidden.bin", kl().toString())) {
            Path folder = temporary.resolve("killed-" + name);
            assertFalse(build(folder, 3));
            byte[] torn = new byte[777];
            java.util.Arrays.fill(torn, (byte) 0x55);
            Files.write(folder.resolve(name), torn, StandardOpenOption.APPEND);
            Files.writeString(folder.resolve("." + name.replace(".bin", ".json") + ".4711.tmp"), "{\"samp");
            assertTrue(build(folder, Integer.MAX_VALUE));
            Files.delete(folder.resolve("." + name.replace(".bin", ".json") + ".4711.tmp"));
            assertSameFiles(whole(), folder);
        }
    }

    /** A disk that lost the end of the data although the record is there: no more than what fits is believed, and from the start of its batch on. */
    @Test
    void dataThatAreShorterThanTheirRecordAreMadeAgain() throws IOException {
        for (long bytes : new long[] {0, 1, 700}) {
            Path folder = temporary.resolve("short-" + bytes);
            assertFalse(build(folder, 5));
            try (FileChannel channel = FileChannel.open(folder.resolve("target-hidden.bin"), StandardOpenOption.WRITE)) {
                channel.truncate(bytes);
            }
            assertTrue(build(folder, Integer.MAX_VALUE));
            assertSameFiles(whole(), folder);
        }
    }

    @Test
    void aCacheThatIsThereIsNotMadeAgain() throws IOException {
        Path data = whole().resolve("target-hidden.bin");
        var before = Files.getLastModifiedTime(data);
        try (FolderCache cache = open(whole())) {
            assertTrue(cache.hidden().isComplete() && cache.klReference(reference).isComplete());
            assertFalse(cache.klReference(new ReferenceKey(TinySamples.hashes("another"), TinySamples.VOCABULARY)).isComplete());
            assertFalse(cache.klReference(new ReferenceKey(TinySamples.hashes("reference"), TinySamples.VOCABULARY - 1)).isComplete());
        }
        assertTrue(build(whole(), 1));
        assertEquals(before, Files.getLastModifiedTime(data));
    }

    /** Another run's batch size would leave a mixture behind. */
    @Test
    void aBegunCacheKeepsItsBatches() throws IOException {
        Path folder = temporary.resolve("begun");
        assertFalse(build(folder, 2));
        try (FolderCache cache = new FolderCache(new CacheFolder(folder), key(DType.F32), rows, 7, temporary)) {
            assertEquals(BATCH, cache.batchSize());
        }
    }

    private String refusal(Path folder, CacheKey key) {
        return assertThrows(InputException.class, () -> new FolderCache(new CacheFolder(folder), key, rows, BATCH, temporary)).getMessage();
    }

    @Test
    void whatDiffersIsNamedWithTheMend() {
        CacheKey own = key(DType.F32);
        SortedMap<String, String> weights = TinySamples.hashes("target");
        weights.put("model.safetensors", "other");
        SortedMap<String, String> both = TinySamples.hashes("another");
        CacheKey.Data data = own.data();
        record Case(CacheKey key, List<String> said) {}
        for (Case each : List.of(
                new Case(
                        new CacheKey(DType.F32, CHANNELS, weights, own.tokenizer(), data),
                        List.of("another target (its model.safetensors has another SHA-256)")),
                new Case(
                        new CacheKey(DType.F32, CHANNELS, both, own.tokenizer(), data),
                        List.of("another target (its config.json and model.safetensors have another SHA-256)")),
                new Case(new CacheKey(DType.F32, CHANNELS, own.target(), "other", data), List.of("another tokenizer")),
                new Case(
                        new CacheKey(DType.F32, CHANNELS, own.target(), own.tokenizer(), new CacheKey.Data("other", 31, data.answerRows(), 64)),
                        List.of("other training data (30 samples cut at 16 tokens", "here 31 samples cut at 64 tokens")),
                new Case(
                        new CacheKey(
                                DType.F32, CHANNELS, own.target(), own.tokenizer(), new CacheKey.Data("other", 30, data.answerRows(), 16)),
                        List.of("other training data (30 samples", "others than here")),
                new Case(key(DType.BF16), List.of("another precision (float32; here bfloat16)")),
                new Case(
                        new CacheKey(DType.BF16, CHANNELS, weights, "other", data),
                        List.of("another target", ", and from another tokenizer", ", and from another precision")))) {
            String sentence = refusal(whole(), each.key);
            assertTrue(sentence.startsWith("the teacher cache " + whole() + " was made from "), sentence);
            each.said.forEach(part -> assertTrue(sentence.contains(part), sentence));
            assertTrue(sentence.endsWith("or clear this one away with `cache delete --teacher-cache " + whole() + "`"), sentence);
        }
        open(whole()).close();
    }

    @Test
    void onlyCachesAndEmptyFoldersAreUsed() throws IOException {
        Path mine = Files.createDirectory(temporary.resolve("mine"));
        open(mine).close();
        assertEquals(Set.of(), names(mine), "looking writes nothing");
        Files.writeString(mine.resolve("notes.txt"), "mine");
        String sentence = refusal(mine, key(DType.F32));
        assertTrue(sentence.contains("it has notes.txt; give --teacher-cache a new or empty folder"), sentence);
        assertTrue(refusal(mine.resolve("notes.txt"), key(DType.F32)).contains("a folder was expected"));
        assertFalse(Files.exists(temporary.resolve("none")));
        open(temporary.resolve("none")).close();
        assertFalse(Files.exists(temporary.resolve("none")));
    }

    @Test
    void anotherVersionAndBrokenManifestsAreRefused() throws IOException {
        Path manifest = whole().resolve("teacher-cache.json");
        change(manifest, node -> node.put("format_version", 2));
        assertTrue(refusal(whole(), key(DType.F32)).contains("format version 2; this version of the engine reads 1"));
        change(manifest, node -> node.put("format_version", 1).put("channels", -1));
        assertTrue(refusal(whole(), key(DType.F32)).contains("is not the manifest of a teacher cache"));
        Files.writeString(manifest, "{\"format\": \"a photo album\"}");
        assertTrue(refusal(whole(), key(DType.F32)).contains("is not the manifest of a teacher cache"));
        Files.writeString(manifest, "{");
        assertTrue(refusal(whole(), key(DType.F32)).contains("is not valid JSON"));
    }

    @Test
    void damagedNumbersAreRefused() throws IOException {
        try (FileChannel channel = FileChannel.open(whole().resolve("target-hidden.bin"), StandardOpenOption.WRITE)) {
            channel.truncate(100);
        }
        try (FolderCache cache = open(whole())) {
            String sentence = assertThrows(InputException.class, cache::hidden).getMessage();
            assertTrue(sentence.contains("target-hidden.bin") && sentence.contains("it has 100 bytes instead of") && sentence.contains("cache delete"),
                    sentence);
        }
        change(whole().resolve("target-hidden.json"), node -> node.put("samples", 31).put("complete", false));
        try (FolderCache cache = open(whole())) {
            assertTrue(assertThrows(InputException.class, cache::hidden).getMessage().contains("target-hidden.json"));
        }
    }

    @Test
    void twoWritersDoNotMix() {
        try (FolderCache one = open(whole());
                FolderCache other = open(whole())) {
            try (TeacherCache.Writing writing = one.write()) {
                String sentence = assertThrows(InputException.class, other::write).getMessage();
                assertTrue(sentence.contains("another process is writing the teacher cache"), sentence);
                assertTrue(assertThrows(InputException.class, () -> new CacheFolder(whole()).delete()).getMessage().contains("another process"));
            }
            other.write().close();
        }
    }

    @Test
    void deletingTakesTheCachesFilesAlone() throws IOException {
        long bytes = new CacheFolder(whole()).delete();
        assertTrue(bytes > rows.total() * (CHANNELS + 1) * 4, bytes + " bytes");
        assertFalse(Files.exists(temporary.resolve("whole")));

        Files.writeString(whole().resolve("notes.txt"), "mine");
        Files.writeString(whole().resolve(".target-hidden.json.4711.tmp"), "left behind");
        new CacheFolder(whole()).delete();
        assertEquals(Set.of("notes.txt"), names(temporary.resolve("whole")));
        String sentence = assertThrows(InputException.class, () -> new CacheFolder(temporary.resolve("whole")).delete()).getMessage();
        assertTrue(sentence.contains("is no teacher cache") && sentence.contains("nothing was deleted"), sentence);
        assertEquals(Set.of("notes.txt"), names(temporary.resolve("whole")));
    }
}
