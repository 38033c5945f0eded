package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.UsageException;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Evaluator;
import adaspec.model.Model;
import adaspec.tensor.DType;
import adaspec.train.Loss;
import adaspec.train.Selection;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs on tiny models, in plain Java. */
class DistillerTest {
    @TempDir
    private static Path models;

    @TempDir
    private Path folder;

    @BeforeAll
    static void write() throws IOException {
        ModelDirectories.write(models.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(models.resolve("draft"), 1, 2, DType.BF16);
        ModelDirectories.writeSums(models.resolve("train.jsonl"));
    }

    private Distiller.Builder builder(String output) {
        return Distiller.builder()
                .target(models.resolve("target"))
                .draft(models.resolve("draft"))
                .trainFiles(List.of(models.resolve("train.jsonl")))
                .training(TrainingOptions.builder().batchSize(4).maxSteps(3).build())
                .numPrompts(2)
                .evaluation(new Evaluator.Settings(Sampling.greedy(8), Speculation.of(3), false))
                .output(folder.resolve(output));
    }

    private static Distiller.Result run(Distiller.Builder builder) {
        try (Backend backend = Backend.open("reference", 1)) {
            return builder.build().run(backend);
        }
    }

    private byte[] weights(String directory) {
        try {
            return Files.readAllBytes(folder.resolve(directory).resolve("model.safetensors"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private JsonNode results(String directory) {
        return Json.readFile(folder.resolve(directory).resolve("all_results.json"));
    }

    @Test
    void keepingAllEqualsDistillSpecBitForBit() throws IOException {
        run(builder("adaspec").selection(new Selection(1, Selection.Scope.MICRO_BATCH)));
        run(builder("distillspec").method(Method.DISTILLSPEC));
        run(builder("selected"));
        assertArrayEquals(weights("distillspec"), weights("adaspec"));
        // The reference is what DistillSpec makes.
        assertArrayEquals(weights("distillspec"), weights("adaspec/reference"));
        assertArrayEquals(weights("distillspec"), weights("selected/reference"));
        assertFalse(Arrays.equals(weights("distillspec"), weights("selected")));
        assertFalse(Arrays.equals(weights("distillspec"), Files.readAllBytes(models.resolve("draft/model.safetensors"))));
    }

    @Test
    void everyLossTrainsBothStagesToAnotherDraft() throws IOException {
        run(builder("published"));
        var drafts = new ArrayList<byte[]>(List.of(weights("published")));
        var references = new ArrayList<byte[]>(List.of(weights("published/reference")));
        for (Loss loss : List.of(Loss.RKL, Loss.NLA, Loss.CE)) {
            run(builder(loss.toString()).loss(loss));
            assertTrue(drafts.stream().noneMatch(other -> Arrays.equals(other, weights(loss.toString()))), loss + " is another loss");
            assertTrue(references.stream().noneMatch(other -> Arrays.equals(other, weights(loss + "/reference"))), loss + " in the first stage");
            drafts.add(weights(loss.toString()));
            references.add(weights(loss + "/reference"));
            for (JsonNode line : metrics(loss.toString())) {
                assertTrue(line.has("train/loss") && line.has("train/kl_draft") && line.has("train/expected_acceptance"), line::toString);
                assertEquals(line.get("stage").asText().equals("selective"), line.has("train/gap_mean"), line::toString);
            }
        }
    }

    @Test
    void aSelectionWithoutGapsTrainsTheReferenceAndLeavesItAlone() throws IOException {
        for (Selection.Rule rule : List.of(Selection.Rule.RANDOM, Selection.Rule.STUDENT_ENTROPY, Selection.Rule.ALL)) {
            Selection selection = new Selection(rule, 0.4, Selection.Scope.SEQUENCE, 0);
            run(builder(rule.toString()).selection(selection));
            assertTrue(results(rule.toString()).get("acceptance").get("reference").isObject(), "the reference is measured");
            for (JsonNode line : metrics(rule.toString())) {
                assertFalse(line.has("train/kl_ref") || line.has("train/gap_mean"), line::toString);
            }
        }
        // All: DistillSpec twice, and nothing to compensate.
        assertArrayEquals(weights("all/reference"), weights("all"));
        assertEquals(1, results("all").get("k").asDouble());
        run(builder("again").selection(new Selection(Selection.Rule.RANDOM, 0.4, Selection.Scope.SEQUENCE, 0)));
        assertArrayEquals(weights("random"), weights("again"));
        assertFalse(Arrays.equals(weights("random"), weights("student-entropy")));

        var refused = builder("x").method(Method.DISTILLSPEC).selection(new Selection(Selection.Rule.RANDOM, 0.4, Selection.Scope.BATCH, 0));
        assertTrue(assertThrows(UsageException.class, refused::build).getMessage().contains("--selection random belongs to --method adaspec"));
    }

    private List<JsonNode> metrics(String directory) throws IOException {
        return Files.readAllLines(folder.resolve(directory).resolve("metrics.jsonl")).stream().map(line -> Json.parse(line, "metrics")).toList();
    }

    @Test
    void leavesWhatTheContractSays() throws IOException {
        var said = new ArrayList<String>();
        Distiller.Result result = run(builder("run").arguments(List.of("distill", "--k", "0.4", "a b")).listener(new RunListener() {
            @Override
            public void note(String text) {
                said.add(text);
            }
        }));
        for (String file : List.of(
                "config.json", "model.safetensors", "tokenizer.json", "metrics.jsonl", "all_results.json", "train_command.txt",
                "reference/config.json", "reference/model.safetensors", "reference/tokenizer.json", "checkpoint-3/optimizer.safetensors",
                "checkpoint-latest/model.safetensors", "checkpoint-best/model.safetensors")) {
            assertTrue(Files.isRegularFile(folder.resolve("run").resolve(file)), file);
        }
        assertTrue(Files.readString(folder.resolve("run/train_command.txt")).startsWith("arguments: distill --k 0.4 'a b'\nversion: "));
        // The draft was bf16 and so is the result; checkpoints hold the f32 that was trained.
        assertEquals("bfloat16", Json.readFile(folder.resolve("run/config.json")).get("dtype").asText());
        assertEquals("float32", Json.readFile(folder.resolve("run/checkpoint-latest/config.json")).get("dtype").asText());
        try (var memory = TestBackends.allocator();
                Model trained = Model.open(folder.resolve("run"), DType.F32, memory);
                Model checkpoint = Model.open(folder.resolve("run/checkpoint-latest"), DType.F32, memory)) {
            float[] exact = checkpoint.weights().head().toFloats();
            float[] written = trained.weights().head().toFloats();
            for (int i = 0; i < exact.length; i++) {
                assertEquals(DType.bf16ToFloat(DType.floatToBf16(exact[i])), written[i]);
            }
        }

        JsonNode results = results("run");
        assertEquals(List.of("method", "k", "seed", "stages", "acceptance"), names(results));
        assertEquals("adaspec", results.get("method").asText());
        assertEquals(0.4, results.get("k").asDouble());
        assertEquals(0, results.get("seed").asInt());
        assertEquals(2, results.get("stages").size());
        for (int i = 0; i < 2; i++) {
            JsonNode stage = results.get("stages").get(i);
            assertEquals(List.of("name", "steps", "tokens", "seconds", "tokens_per_second"), names(stage));
            assertEquals(List.of("reference", "selective").get(i), stage.get("name").asText());
            assertEquals(3, stage.get("steps").asInt());
            assertEquals(stage.get("tokens").asDouble() / stage.get("seconds").asDouble(), stage.get("tokens_per_second").asDouble(), 1e-6);
        }
        // Batches of round(4 / 0.4) = 10: the 23 samples are through in three steps, against 12.
        assertTrue(results.get("stages").get(1).get("tokens").asDouble() > 1.5 * results.get("stages").get(0).get("tokens").asInt());
        assertEquals(List.of("untrained", "reference", "draft"), names(results.get("acceptance")));
        for (JsonNode acceptance : results.get("acceptance")) {
            // Of 24 texts one is held out.
            assertEquals(1, acceptance.get("num_prompts").asInt());
            assertTrue(acceptance.has("alpha_ci95") && acceptance.has("expected_acceptance"));
        }
        assertEquals(3, result.acceptances().size());

        var stages = new TreeSet<String>();
        for (String line : Files.readAllLines(folder.resolve("run/metrics.jsonl"))) {
            stages.add(Json.parse(line, "metrics").get("stage").asText());
        }
        assertEquals(new TreeSet<>(List.of("reference", "selective")), stages);
        assertTrue(said.stream().anyMatch(text -> text.contains("train.jsonl line") && text.contains("\n  + ")), said::toString);
    }

    @Test
    void distillSpecHasOneStageAndNoReference() throws IOException {
        run(builder("run").method(Method.DISTILLSPEC));
        JsonNode results = results("run");
        assertEquals("distillspec", results.get("method").asText());
        assertEquals(1, results.get("stages").size());
        assertEquals("distillspec", results.get("stages").get(0).get("name").asText());
        assertTrue(results.get("acceptance").get("reference").isNull());
        assertFalse(Files.exists(folder.resolve("run/reference")));
    }

    @Test
    void aGivenReferenceSkipsItsStage() throws IOException {
        run(builder("first"));
        run(builder("second").reference(folder.resolve("first/reference")));
        assertArrayEquals(weights("first"), weights("second"));
        assertEquals(1, results("second").get("stages").size());
        assertEquals(
                results("first").get("acceptance").get("reference").get("expected_acceptance"),
                results("second").get("acceptance").get("reference").get("expected_acceptance"));
        assertThrows(UsageException.class, () -> builder("x").method(Method.DISTILLSPEC).reference(folder).build());
    }

    @Test
    void theDraftNearsItsTarget() {
        TrainingOptions options = TrainingOptions.builder().batchSize(4).epochs(6).learningRate(5e-3).build();
        run(builder("run").training(options));
        JsonNode acceptance = results("run").get("acceptance");
        double untrained = acceptance.get("untrained").get("expected_acceptance").asDouble();
        assertTrue(acceptance.get("reference").get("expected_acceptance").asDouble() > untrained + 0.05, acceptance::toString);
        assertTrue(acceptance.get("draft").get("expected_acceptance").asDouble() > untrained + 0.05, acceptance::toString);
    }

    @Test
    void compensationKeepsTheTokensThatBearALoss() {
        TrainingOptions selective = Distiller.compensated(TrainingOptions.builder().build(), 0.4);
        assertEquals(40, selective.batchSize());
        assertEquals(7.5, selective.epochs());
        assertEquals(TrainingOptions.builder().build(), Distiller.compensated(TrainingOptions.builder().build(), 1));
    }

    @Test
    void tokenizersThatDifferAreNamed() throws IOException {
        Path other = ModelDirectories.write(folder.resolve("other"), 1, 3, DType.F32);
        var changed = ModelDirectories.tokenizer();
        var vocabulary = (com.fasterxml.jackson.databind.node.ObjectNode) changed.get("model").get("vocab");
        vocabulary.put("A", 66).put("B", 65);
        Files.writeString(other.resolve("tokenizer.json"), changed.toString());
        String sentence = assertThrows(InputException.class, () -> run(builder("run").draft(other))).getMessage();
        assertTrue(sentence.contains("token 65 is 'A'") && sentence.contains("'B'"), sentence);
        assertFalse(Files.exists(folder.resolve("run")));
    }

    @Test
    void aFolderInUseIsLeftAloneUnlessItIsOverwritten() throws IOException {
        Files.createDirectories(folder.resolve("run/checkpoint-77"));
        Files.writeString(folder.resolve("run/checkpoint-77/x"), "x");
        Files.writeString(folder.resolve("run/notes.txt"), "mine");
        Files.writeString(folder.resolve("run/metrics.jsonl"), "{}\n");
        Files.writeString(folder.resolve("run/config.yaml"), "");
        String sentence = assertThrows(InputException.class, () -> run(builder("run"))).getMessage();
        assertTrue(sentence.contains("is not empty"), sentence);
        assertEquals("{}\n", Files.readString(folder.resolve("run/metrics.jsonl")));
        run(builder("run").overwrite(true));
        assertFalse(Files.exists(folder.resolve("run/checkpoint-77")));
        assertEquals("mine", Files.readString(folder.resolve("run/notes.txt")));
        assertFalse(Files.readString(folder.resolve("run/metrics.jsonl")).startsWith("{}"));
    }

    @Test
    void aModelIsNeverWrittenOver() throws IOException {
        byte[] before = Files.readAllBytes(models.resolve("draft/model.safetensors"));
        for (Path output : List.of(models.resolve("draft"), models.resolve("target/../draft"), models)) {
            String sentence = assertThrows(InputException.class, () -> run(builder("x").output(output).overwrite(true))).getMessage();
            assertTrue(sentence.contains("choose another --output-dir"), sentence);
        }
        assertArrayEquals(before, Files.readAllBytes(models.resolve("draft/model.safetensors")));
    }

    @Test
    void stopsWithACheckpoint() {
        TrainingStopped stopped = assertThrows(TrainingStopped.class, () -> run(builder("run").stop(() -> true)));
        assertEquals(folder.resolve("run/reference/checkpoint-1"), stopped.checkpoint());
        assertTrue(Files.isRegularFile(folder.resolve("run/checkpoint-latest/trainer_state.json")));
    }

    @Test
    void textsThatAreAllTheSameCannotBeEvaluated() throws IOException {
        Path same = Files.writeString(folder.resolve("same.jsonl"), "{\"text\": \"one and one\"}\n".repeat(4));
        String sentence = assertThrows(InputException.class, () -> run(builder("run").trainFiles(List.of(same)))).getMessage();
        assertTrue(sentence.contains("--eval-file"), sentence);
        assertFalse(Files.exists(folder.resolve("run")));
    }

    private static List<String> names(JsonNode node) {
        var names = new ArrayList<String>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
