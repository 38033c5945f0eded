package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Evaluator;
import adaspec.tensor.DType;
import adaspec.train.Selection;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs with a teacher cache, in plain Java, whose rows have the same bits in any batch: every run equals the one without a cache. */
class TeacherCacheRunTest {
    @TempDir
    private static Path models;

    @TempDir
    private Path folder;

    private final List<String> notes = new ArrayList<>();
    private final List<String> cached = new ArrayList<>();

    @BeforeAll
    static void write() throws IOException {
        ModelDirectories.write(models.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(models.resolve("draft"), 1, 2, DType.BF16);
        ModelDirectories.writeSums(models.resolve("train.jsonl"));
    }

    private Distiller.Builder builder(String output, CachePlace place) {
        return Distiller.builder()
                .target(models.resolve("target"))
                .draft(models.resolve("draft"))
                .trainFiles(List.of(models.resolve("train.jsonl")))
                .training(TrainingOptions.builder().batchSize(4).maxSteps(4).build())
                .selection(new Selection(0.4, Selection.Scope.BATCH))
                .numPrompts(1)
                .evaluation(new Evaluator.Settings(Sampling.greedy(4), Speculation.of(3), false))
                .teacherCache(place)
                .listener(new RunListener() {
                    @Override
                    public void note(String text) {
                        notes.add(text);
                    }

                    @Override
                    public void caching(String part, long done, long total) {
                        cached.add(part);
                    }
                })
                .output(folder.resolve(output));
    }

    /** The weights that a run ends with. */
    private byte[] run(Distiller.Builder builder) throws IOException {
        notes.clear();
        cached.clear();
        try (Backend backend = Backend.open("reference", 1)) {
            Path output = builder.build().run(backend).output();
            return Files.readAllBytes(output.resolve("model.safetensors"));
        }
    }

    private TreeSet<String> parts() {
        return new TreeSet<>(cached);
    }

    @Test
    void cachedEqualsUncachedThroughBothStages() throws IOException {
        byte[] expected = run(builder("off", CachePlace.OFF));
        assertEquals(List.of(), cached);
        assertFalse(notes.stream().anyMatch(note -> note.contains("teacher cache")), notes::toString);

        assertArrayEquals(expected, run(builder("memory", CachePlace.MEMORY)));
        assertEquals(new TreeSet<>(List.of("target", "reference")), parts());
        String size = notes.stream().filter(note -> note.startsWith("teacher cache: ")).findFirst().orElseThrow();
        assertTrue(size.matches("teacher cache: \\d+\\.\\d kB for \\d+ answer tokens, in memory"), size);

        CachePlace place = CachePlace.in(folder.resolve("cache"));
        assertArrayEquals(expected, run(builder("first", place)));
        assertEquals(new TreeSet<>(List.of("target", "reference")), parts());
        assertTrue(notes.contains(size.replace("in memory", "in " + folder.resolve("cache"))), notes::toString);
        // The reference of the second run is trained to the same bits, so nothing is left to ask.
        assertArrayEquals(expected, run(builder("second", place)));
        assertEquals(List.of(), cached);
        // That it was given, and from another place, does not make it another.
        assertArrayEquals(expected, run(builder("given", place).reference(folder.resolve("first/reference"))));
        assertEquals(List.of(), cached);
    }

    @Test
    void anotherSeedNeedsItsOwnReferenceAndNothingElse() throws IOException {
        CachePlace place = CachePlace.in(folder.resolve("cache"));
        run(builder("zero", place));
        TrainingOptions one = TrainingOptions.builder().batchSize(4).maxSteps(4).seed(1).build();
        byte[] expected = run(builder("plain", CachePlace.OFF).training(one));
        assertArrayEquals(expected, run(builder("one", place).training(one)));
        assertEquals(new TreeSet<>(List.of("reference")), parts());
    }

    @Test
    void distillSpecNeedsNoReference() throws IOException {
        byte[] expected = run(builder("plain", CachePlace.OFF).method(Method.DISTILLSPEC));
        assertArrayEquals(expected, run(builder("cached", CachePlace.MEMORY).method(Method.DISTILLSPEC)));
        assertEquals(new TreeSet<>(List.of("target")), parts());
    }

    @Test
    void anotherBatchSizeUsesWhatIsThereAndSaysSo() throws IOException {
        CachePlace place = CachePlace.in(folder.resolve("cache"));
        run(builder("first", place));
        TrainingOptions eight = TrainingOptions.builder().batchSize(8).maxSteps(2).build();
        run(builder("second", place).training(eight));
        assertEquals(new TreeSet<>(List.of("reference")), parts());
        assertTrue(notes.stream().anyMatch(note -> note.contains("begun in batches of 4") && note.contains("within rounding")), notes::toString);
    }

    @Test
    void aCacheOfSomethingElseIsRefusedBeforeAnythingIsWritten() throws IOException {
        CachePlace place = CachePlace.in(folder.resolve("cache"));
        run(builder("first", place));
        Path other = ModelDirectories.write(folder.resolve("other"), 2, 9, DType.F32);
        String sentence = assertThrows(InputException.class, () -> run(builder("second", place).target(other))).getMessage();
        assertTrue(sentence.contains("was made from another target (its model.safetensors has another SHA-256)"), sentence);
        sentence = assertThrows(InputException.class, () -> run(builder("second", place).maxLength(12))).getMessage();
        assertTrue(sentence.contains("other training data (23 samples cut at 96 tokens") && sentence.contains("here 23 samples cut at 12"), sentence);
        sentence = assertThrows(InputException.class, () -> run(builder("second", CachePlace.in(folder.resolve("second"))))).getMessage();
        assertTrue(sentence.contains("cannot be the output folder"), sentence);
        assertFalse(Files.exists(folder.resolve("second")));
    }

    @Test
    void stoppedWhileAskingItGoesOnWhereItWas() throws IOException {
        byte[] expected = run(builder("off", CachePlace.OFF));
        CachePlace place = CachePlace.in(folder.resolve("cache"));
        // The first question after each batch is whether to stop: in the middle of the target's part.
        int[] asked = {0};
        TrainingStopped stopped = assertThrows(TrainingStopped.class, () -> run(builder("stopped", place).stop(() -> ++asked[0] == 3)));
        assertEquals(folder.resolve("cache"), stopped.checkpoint());
        assertEquals(3, cached.size());
        assertArrayEquals(expected, run(builder("again", place)));
        assertEquals(3, cached.stream().filter("target"::equals).count(), "23 samples are 6 batches, and 3 were there");
    }
}
