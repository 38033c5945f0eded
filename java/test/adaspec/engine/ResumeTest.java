package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Evaluator;
import adaspec.tensor.DType;
import adaspec.train.Schedule;
import adaspec.train.Selection;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that was stopped and taken up equals one that never stopped, bit for bit; what cannot be taken up is refused. */
class ResumeTest {
    private static final TrainingOptions TRAINING = TrainingOptions.builder().batchSize(4).accumulation(2).epochs(3).maxSteps(6).learningRate(3e-3)
            .schedule(new Schedule(Schedule.Kind.COSINE, 0.2)).loggingSteps(2).evalSteps(2).saveSteps(3).build();

    @TempDir
    private static Path models;

    private static SortedMap<String, String> whole;

    @TempDir
    private Path folder;

    @BeforeAll
    static void write() throws IOException {
        ModelDirectories.write(models.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(models.resolve("draft"), 1, 2, DType.BF16);
        var lines = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            lines.append("{\"text\": \"").append(i).append(" and ").append(i * i).append(" make ").append(i + i * i).append("\"}\n");
        }
        Files.writeString(models.resolve("train.jsonl"), lines);
        run(builder(models.resolve("whole")));
        whole = Runs.content(models.resolve("whole"));
        assertTrue(whole.keySet().containsAll(List.of(
                "reference/checkpoint-3/optimizer.safetensors", "checkpoint-6/model.safetensors", "checkpoint-best", "model.safetensors",
                "all_results.json", "metrics.jsonl", "config.yaml")), whole::toString);
    }

    private static Distiller.Builder builder(Path output) {
        return Distiller.builder()
                .target(models.resolve("target"))
                .draft(models.resolve("draft"))
                .trainFiles(List.of(models.resolve("train.jsonl")))
                .training(TRAINING)
                .selection(new Selection(0.4, Selection.Scope.MICRO_BATCH))
                .numPrompts(2)
                .evaluation(new Evaluator.Settings(Sampling.greedy(8), Speculation.of(3), false))
                .output(output);
    }

    private static Distiller.Result run(Distiller.Builder builder) {
        try (Backend backend = Backend.open("reference", 1)) {
            return builder.build().run(backend);
        }
    }

    private Distiller.Builder builder() {
        return builder(folder.resolve("run"));
    }

    private Path stopAfter(int questions) {
        int[] asked = {0};
        return assertThrows(TrainingStopped.class, () -> run(builder().stop(() -> ++asked[0] >= questions))).checkpoint();
    }

    private static final class Notes implements RunListener {
        private final List<String> said = new ArrayList<>();
        private final List<String> stages = new ArrayList<>();

        @Override
        public void note(String text) {
            said.add(text);
        }

        @Override
        public void stageStarted(String stage, long totalSteps, TrainingOptions options) {
            stages.add(stage);
        }
    }

    /** Whether to stop is asked after each step, 6 and 6 times, then in the evaluation; a stage's last step goes over to what is next. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 5, 6, 7, 9, 11, 12, 13})
    void stoppedAnywhereAndTakenUpItIsTheSameRun(int questions) throws IOException {
        stopAfter(questions);
        var notes = new Notes();
        run(builder().resume(ResumeFrom.LATEST).listener(notes));
        SortedMap<String, String> resumed = Runs.content(folder.resolve("run"));
        // The checkpoint of the interruption stays; all else is alike.
        resumed.keySet().removeIf(name -> name.contains("checkpoint-") && !whole.containsKey(name));
        assertEquals(whole, resumed);
        assertEquals(questions <= 5 ? List.of("reference", "selective") : questions <= 11 ? List.of("selective") : List.of(), notes.stages);
    }

    /** In memory the cache is made anew, in a folder it is gone on with; the first questions are asked while it is made. */
    @ParameterizedTest
    @CsvSource({"false, 1", "false, 14", "true, 1", "true, 4", "true, 14", "true, 25"})
    void aRunWithATeacherCacheIsTakenUpToo(boolean onDisk, int questions) throws IOException {
        UnaryOperator<Distiller.Builder> cached =
                builder -> builder.teacherCache(onDisk ? CachePlace.in(folder.resolve("cache")) : CachePlace.MEMORY);
        Path once = folder.resolve("once");
        run(builder(once).teacherCache(CachePlace.MEMORY));
        int[] asked = {0};
        assertThrows(TrainingStopped.class, () -> run(cached.apply(builder()).stop(() -> ++asked[0] >= questions)));
        run(cached.apply(builder()).resume(ResumeFrom.LATEST));
        SortedMap<String, String> expected = Runs.content(once);
        SortedMap<String, String> resumed = Runs.content(folder.resolve("run"));
        resumed.keySet().removeIf(name -> name.contains("checkpoint-") && !expected.containsKey(name));
        assertEquals(expected, resumed);
    }

    /** From an older checkpoint, in the first stage, of a run that was complete. */
    @Test
    void anOlderCheckpointMakesTheFolderWhatItWas() throws IOException {
        run(builder());
        var notes = new Notes();
        run(builder().resume(new ResumeFrom(folder.resolve("run/reference/checkpoint-3"))).listener(notes));
        assertEquals(whole, Runs.content(folder.resolve("run")));
        assertTrue(notes.said.contains("deleted the checkpoints of the steps after it: [4, 6]"), notes.said::toString);
    }

    @Test
    void withALimitTheBestCheckpointSurvives() throws IOException {
        TrainingOptions ruinous = TRAINING.but().saveTotalLimit(1).saveSteps(1).learningRate(0.5).weightDecay(0).build();
        UnaryOperator<Distiller.Builder> limited = builder -> builder.training(ruinous);
        Path once = folder.resolve("once");
        run(limited.apply(builder(once)));
        int[] asked = {0};
        assertThrows(TrainingStopped.class, () -> run(limited.apply(builder()).stop(() -> ++asked[0] >= 9)));
        run(limited.apply(builder()).resume(ResumeFrom.LATEST));
        assertEquals(Runs.content(once), Runs.content(folder.resolve("run")));
        assertTrue(Files.exists(once.resolve("checkpoint-best/model.safetensors")));
    }

    /** The process ended after the last checkpoint of a stage was written and before an older one was deleted. */
    @Test
    void withALimitAnOlderCheckpointThatWasToGoIsGone() throws IOException {
        UnaryOperator<Distiller.Builder> limited = builder -> builder.training(TRAINING.but().saveTotalLimit(1).saveSteps(1).build());
        int[] asked = {0};
        assertThrows(TrainingStopped.class, () -> run(limited.apply(builder()).stop(() -> ++asked[0] >= 7)));
        Path last = folder.resolve("run/reference/checkpoint-6");
        Path older = Files.createDirectory(last.resolveSibling("checkpoint-5"));
        asked[0] = 0;
        assertThrows(TrainingStopped.class, () -> run(limited.apply(builder()).resume(new ResumeFrom(last)).stop(() -> ++asked[0] >= 1)));
        assertTrue(Files.exists(last));
        assertFalse(Files.exists(older));
    }

    @Test
    void leftoversOfAKilledProcessAreSweptAway() throws IOException {
        stopAfter(8);
        Path run = folder.resolve("run");
        for (String name : List.of(".checkpoint-5.123.tmp", ".checkpoint-3.123.old.tmp", "reference/.checkpoint-6.9.tmp")) {
            Files.createDirectories(run.resolve(name));
            Files.writeString(run.resolve(name).resolve("model.safetensors"), "half");
        }
        Files.writeString(run.resolve(".metrics.jsonl.77.tmp"), "half");
        Files.writeString(run.resolve("metrics.jsonl"), Files.readString(run.resolve("metrics.jsonl")) + "{\"stage\": \"sel");
        run(builder().resume(ResumeFrom.LATEST));
        SortedMap<String, String> resumed = Runs.content(run);
        resumed.keySet().removeIf(name -> name.contains("checkpoint-") && !name.contains(".tmp") && !whole.containsKey(name));
        assertEquals(whole, resumed);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            optimizer.safetensors | damaged: optimizer.safetensors is not what was written
            model.safetensors     | damaged: model.safetensors is missing
            trainer_state.json    | is not valid JSON
            trainer_state.json    | its trainer_state.json is not what was written
            """)
    void aDamagedCheckpointIsPassedOverOrRefused(String file, String sentence) throws IOException {
        stopAfter(10);
        Path damaged = folder.resolve("run/checkpoint-4");
        byte[] bytes = Files.readAllBytes(damaged.resolve(file));
        if (sentence.contains("missing")) {
            Files.delete(damaged.resolve(file));
        } else if (sentence.contains("its")) {
            Files.writeString(damaged.resolve(file), new String(bytes, StandardCharsets.UTF_8).replaceFirst("(\"step\" : )\\d+", "$1\"x\""));
        } else if (sentence.contains("JSON")) {
            Files.write(damaged.resolve(file), java.util.Arrays.copyOf(bytes, bytes.length / 2));
        } else {
            bytes[bytes.length / 2] ^= 1;
            Files.write(damaged.resolve(file), bytes);
        }
        var refused = assertThrows(InputException.class, () -> run(builder().resume(new ResumeFrom(damaged))));
        assertTrue(refused.getMessage().contains(sentence), refused::getMessage);
        var notes = new Notes();
        run(builder().resume(ResumeFrom.LATEST).listener(notes));
        assertTrue(notes.said.stream().anyMatch(note -> note.startsWith("passed over: ") && note.contains(sentence)), notes.said::toString);
        assertTrue(notes.said.stream().anyMatch(note -> note.startsWith("resuming after step 3 of the stage selective")), notes.said::toString);
        SortedMap<String, String> resumed = Runs.content(folder.resolve("run"));
        assertEquals(whole, resumed);
    }

    /** With a right checksum: it was written so. */
    @ParameterizedTest
    @ValueSource(strings = {"x", "-", ""})
    void anOptimizerWhoseStepsAreNoNumberIsRefused(String steps) throws IOException {
        Path checkpoint = stopAfter(10);
        Path optimizer = checkpoint.resolve("optimizer.safetensors");
        String bytes = new String(Files.readAllBytes(optimizer), StandardCharsets.ISO_8859_1);
        String changed = bytes.replaceFirst("\"steps\"( *: *)\"4\"", "\"steps\"$1\"" + steps + "\"" + (steps.isEmpty() ? " " : ""));
        assertEquals(bytes.length(), changed.length());
        assertFalse(changed.equals(bytes));
        Files.write(optimizer, changed.getBytes(StandardCharsets.ISO_8859_1));
        var sum = new CRC32C();
        sum.update(Files.readAllBytes(optimizer));
        ObjectNode state = (ObjectNode) Json.readFile(checkpoint.resolve("trainer_state.json"));
        ((ObjectNode) state.get("files").get("optimizer.safetensors")).put("crc32c", String.format("%08x", sum.getValue()));
        Files.writeString(checkpoint.resolve("trainer_state.json"), state.toString());
        var refused = assertThrows(InputException.class, () -> run(builder().resume(new ResumeFrom(checkpoint))));
        assertTrue(refused.getMessage().contains("the \"steps\" of its optimizer.safetensors are no whole number"), refused::getMessage);
    }

    @Test
    void withoutACheckpointTheRunStartsFromItsBeginning() throws IOException {
        stopAfter(1);
        adaspec.train.Checkpoints.deleteTree(folder.resolve("run/reference/checkpoint-1"));
        run(builder().resume(ResumeFrom.LATEST));
        assertEquals(whole, Runs.content(folder.resolve("run")));
    }

    @Test
    void settingsThatMakeAnotherRunAreNamedWithBothValues() throws IOException {
        stopAfter(2);
        refuses(builder().training(TRAINING.but().learningRate(1e-3).build()), "--learning-rate is 0.001, but the checkpoint was made with 0.003");
        refuses(builder().training(TRAINING.but().maxSteps(0).build()), "--max-steps is no limit, but the checkpoint was made with 6");
        refuses(builder().training(TRAINING.but().seed(1).build()), "--seed is 1, but the checkpoint was made with 0");
        refuses(builder().training(TRAINING.but().schedule(Schedule.CONSTANT).build()), "--lr-scheduler-type is constant, but");
        refuses(builder().selection(new Selection(0.5, Selection.Scope.MICRO_BATCH)), "--k is 0.5, but the checkpoint was made with 0.4");
        refuses(builder().teacherCache(CachePlace.MEMORY), "the teacher cache is in batches of 4, but the checkpoint was made with off");
        Path other = ModelDirectories.write(folder.resolve("draft"), 1, 5, DType.BF16);
        refuses(builder().draft(other), "the files of --draft is sha256 ");
        Path data = folder.resolve("other.jsonl");
        Files.writeString(data, Files.readString(models.resolve("train.jsonl")).replace("7 and", "8 and"));
        refuses(builder().trainFiles(List.of(data)), "the training data is sha256 ");
        // What makes no other run may change, and a file may have moved.
        Path moved = Files.copy(models.resolve("train.jsonl"), folder.resolve("moved.jsonl"));
        run(builder().trainFiles(List.of(moved)).training(TRAINING.but().saveSteps(2).build()).resume(ResumeFrom.LATEST));
        assertEquals(whole.get("model.safetensors"), Runs.content(folder.resolve("run")).get("model.safetensors"));
    }

    /** The selective stage would go on beside another reference than it began with. */
    @Test
    void anotherReferenceInTheSelectiveStageIsRefused() throws IOException {
        stopAfter(10);
        Path other = ModelDirectories.write(folder.resolve("reference"), 1, 5, DType.F32);
        refuses(builder().reference(other), "but the checkpoint was made with one that the run trains");
    }

    /** It would find no checkpoint of its stages, begin anew, and clear away the reference that was being trained. */
    @Test
    void anotherReferenceWhileOneIsTrainedIsRefused() throws IOException {
        stopAfter(2);
        Path other = ModelDirectories.write(folder.resolve("reference"), 1, 5, DType.F32);
        refuses(builder().reference(other), "it has checkpoints of a reference stage, which this run does not have");
    }

    @Test
    void aDamagedLineOfTheMetricsIsNamedBeforeAnythingIsDeleted() throws IOException {
        stopAfter(10);
        Path metrics = folder.resolve("run/metrics.jsonl");
        Files.writeString(metrics, Files.readString(metrics).replaceFirst("\\{", "<"));
        Path later = folder.resolve("run/checkpoint-latest/model.safetensors");
        String sentence = assertThrows(InputException.class, () -> run(builder().resume(ResumeFrom.LATEST))).getMessage();
        assertTrue(sentence.contains("metrics.jsonl line 1 is not valid JSON"), sentence);
        assertTrue(Files.exists(later));
    }

    private void refuses(Distiller.Builder builder, String sentence) throws IOException {
        SortedMap<String, String> before = Runs.content(folder.resolve("run"));
        var refused = assertThrows(InputException.class, () -> run(builder.resume(ResumeFrom.LATEST)));
        assertTrue(refused.getMessage().contains(sentence), refused::getMessage);
        assertEquals(before, Runs.content(folder.resolve("run")), "a refusal changes nothing");
    }

    @Test
    void whatIsNoRunIsRefused() throws IOException {
        assertThrows(InputException.class, () -> run(builder().resume(ResumeFrom.LATEST)));
        assertFalse(Files.exists(folder.resolve("run")));
        Path run = models.resolve("whole");
        String ofRun = assertThrows(InputException.class, () -> run(builder().resume(new ResumeFrom(run)))).getMessage();
        assertTrue(ofRun.contains("is the folder of a run; give one of the checkpoints in it"), ofRun);
        Path checkpoint = models.resolve("whole/checkpoint-3");
        String sentence = assertThrows(InputException.class, () -> run(builder().resume(new ResumeFrom(checkpoint)))).getMessage();
        assertTrue(sentence.contains("belongs to the run in"), sentence);
        assertFalse(Files.exists(folder.resolve("run")));
    }

    @Test
    void anotherMachineIsSaid() throws IOException {
        Path state = stopAfter(2).resolve("trainer_state.json");
        ObjectNode changed = (ObjectNode) Json.readFile(state);
        ((ObjectNode) changed.get("run")).put("made by", "version 9, other");
        Files.writeString(state, changed.toString());
        var notes = new Notes();
        run(builder().resume(ResumeFrom.LATEST).listener(notes));
        assertTrue(notes.said.stream().anyMatch(note -> note.contains("version 9, other")), notes.said::toString);
    }
}
