package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.UsageException;
import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TrainerTest {
    private static final int VOCABULARY = 21;
    private static final ObjectNode CONFIG = TinyModels.config(VOCABULARY, 16, 1, false);

    private final Workspace.Allocator allocator = TestBackends.allocator();
    private final Workspace workspace = new Workspace(TestBackends.allocator(), true);

    @TempDir
    Path folder;

    @AfterEach
    void free() {
        workspace.close();
        allocator.close();
    }

    static List<Ops> devices() {
        return TestBackends.all();
    }

    /** The same steps in every epoch. */
    private record FixedPlan(List<List<MicroBatch>> steps) implements BatchPlan {
        @Override
        public long stepsPerEpoch() {
            return steps.size();
        }

        @Override
        public List<MicroBatch> step(long step) {
            return steps.get((int) (step % steps.size()));
        }
    }

    /** A draft in training, a random target and a random reference. */
    private final class Setup {
        final Ops ops;
        final Weights draft;
        Selection selection = Selection.ALL;
        boolean withReference;
        BooleanSupplier stop = () -> false;
        TrainingListener listener = TrainingListener.SILENT;
        int vocabulary = VOCABULARY;

        Setup(Ops ops) {
            this.ops = ops;
            draft = TinyModels.random(TinyModels.architecture(VOCABULARY, 16, 1, false), 2, allocator);
        }

        Trainer.Outcome train(TrainingOptions options, BatchPlan plan, List<MicroBatch> heldOut) {
            var target = new Transformer(ops, TinyModels.random(TinyModels.architecture(VOCABULARY, 8, 2, false), 1, allocator), allocator);
            var reference = new Transformer(ops, TinyModels.random(TinyModels.architecture(VOCABULARY, 16, 1, false), 3, allocator), allocator);
            var teachers = new FrozenModels(target, withReference ? reference : null, vocabulary, workspace);
            var objective = new Distillation(teachers, new Transformer(ops, draft, allocator), selection, options.logitsBudget(), workspace);
            String stage = withReference ? "selective" : "distillspec";
            return new Trainer(
                            stage, options, draft, objective, ops, allocator, checkpoints(),
                            new MetricsLog(folder.resolve("metrics.jsonl")), listener, stop)
                    .run(plan, heldOut);
        }
    }

    private Checkpoints checkpoints() {
        return new Checkpoints(folder, folder, CONFIG, null, Json.MAPPER.createObjectNode());
    }

    private static byte[] bytes(Weights weights) {
        return weights.arena().segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }

    private List<JsonNode> metrics() throws IOException {
        var lines = new ArrayList<JsonNode>();
        for (String line : Files.readAllLines(folder.resolve("metrics.jsonl"))) {
            lines.add(Json.parse(line, "metrics.jsonl"));
        }
        return lines;
    }

    private static Set<String> keys(JsonNode node) {
        var keys = new TreeSet<String>();
        node.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void overfitsOneBatch(Ops ops) {
        var setup = new Setup(ops);
        MicroBatch batch = TinyModels.batch(4, VOCABULARY, 4);
        var options = TrainingOptions.builder().epochs(400).learningRate(5e-3).weightDecay(0).loggingSteps(100).build();
        Trainer.Outcome outcome = setup.train(options, new FixedPlan(List.of(List.of(batch))), List.of(batch));
        assertTrue(outcome.expectedAcceptance() > 0.95, "expected acceptance is " + outcome.expectedAcceptance());
        assertEquals(400, outcome.steps());
        assertEquals(400L * batch.tokens(), outcome.tokens());
    }

    @ParameterizedTest
    @MethodSource("devices")
    void twoMicroBatchesEqualOneOfBothWithinRounding(Ops ops) {
        var whole = new Setup(ops);
        var parts = new Setup(ops);
        var one = new ArrayList<List<MicroBatch>>();
        var two = new ArrayList<List<MicroBatch>>();
        for (int i = 0; i < 3; i++) {
            MicroBatch first = TinyModels.batch(8, VOCABULARY, 10 + i);
            MicroBatch second = TinyModels.batch(8, VOCABULARY, 20 + i);
            one.add(List.of(DistillationTest.joined(first, second)));
            two.add(List.of(first, second));
        }
        var options = TrainingOptions.builder().epochs(2).build();
        whole.train(options, new FixedPlan(one), List.of());
        parts.train(options, new FixedPlan(two), List.of());
        // The biases of keys have no gradient but rounding (softmax forgets what all its inputs share), which Adam blows up to the learning rate.
        for (Setup setup : List.of(whole, parts)) {
            int headDim = setup.draft.architecture().headDim();
            var bias = setup.draft.get("layers.0.qkv.bias");
            for (int i = 0; i < bias.size(); i++) {
                bias.set(i, i / headDim % 3 == 1 ? 0 : bias.get(i));
            }
        }
        // Adam moves a parameter by about the learning rate whatever the gradient's size, so rounding shows relative to it.
        double most = 0;
        for (long i = 0; i < whole.draft.arena().size(); i++) {
            most = Math.max(most, Math.abs(whole.draft.arena().get(i) - parts.draft.arena().get(i)));
        }
        assertTrue(most < 0.02 * 3e-4 * 6, "weights differ by " + most);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void keepingAllEqualsDistillSpecBitForBit(Ops ops) {
        var plan = new FixedPlan(List.of(
                List.of(TinyModels.batch(4, VOCABULARY, 1), TinyModels.batch(4, VOCABULARY, 2)), List.of(TinyModels.batch(3, VOCABULARY, 3))));
        byte[] start = bytes(new Setup(ops).draft);
        for (Normalizer normalizer : Normalizer.values()) {
            var options = TrainingOptions.builder().epochs(3).normalizer(normalizer).build();
            var distillSpec = new Setup(ops);
            distillSpec.train(options, plan, List.of());
            var adaspec = new Setup(ops);
            adaspec.withReference = true;
            adaspec.selection = new Selection(1, Selection.Scope.MICRO_BATCH);
            adaspec.train(options, plan, List.of());
            assertArrayEquals(bytes(distillSpec.draft), bytes(adaspec.draft));
            assertFalse(java.util.Arrays.equals(start, bytes(adaspec.draft)));
        }
    }

    @Test
    void theNormalizerDividesByAllOrByTheSelected() throws IOException {
        Ops ops = TestBackends.all().getFirst();
        var plan = new FixedPlan(List.of(List.of(TinyModels.batch(6, VOCABULARY, 1))));
        for (Normalizer normalizer : Normalizer.values()) {
            var setup = new Setup(ops);
            setup.withReference = true;
            setup.selection = new Selection(0.4, Selection.Scope.MICRO_BATCH);
            setup.train(TrainingOptions.builder().epochs(1).normalizer(normalizer).build(), plan, List.of());
        }
        JsonNode all = metrics().get(0);
        JsonNode selected = metrics().get(1);
        double share = all.get("train/selected_fraction").asDouble();
        assertTrue(share > 0.3 && share < 0.6);
        assertEquals(all.get("train/loss").asDouble(), share * selected.get("train/loss").asDouble(), 1e-6);
        assertEquals(all.get("train/grad_norm").asDouble(), share * selected.get("train/grad_norm").asDouble(), 1e-6);
    }

    @Test
    void metricsHaveTheKeysOfTheContract() throws IOException {
        var setup = new Setup(TestBackends.all().getFirst());
        setup.withReference = true;
        setup.selection = new Selection(0.4, Selection.Scope.MICRO_BATCH);
        MicroBatch held = TinyModels.batch(3, VOCABULARY, 9);
        var steps = new ArrayList<List<MicroBatch>>();
        for (int i = 0; i < 5; i++) {
            steps.add(List.of(TinyModels.batch(4, VOCABULARY, i)));
        }
        var options = TrainingOptions.builder().epochs(1.2).loggingSteps(2).evalSteps(3).build();
        Trainer.Outcome outcome = setup.train(options, new FixedPlan(steps), List.of(held));
        assertEquals(6, outcome.steps());
        Set<String> training = Set.of(
                "stage", "step", "epoch", "train/loss", "train/kl_draft", "train/kl_ref", "train/expected_acceptance", "train/gap_mean",
                "train/selected_fraction", "train/grad_norm", "train/learning_rate", "perf/tokens_per_second", "perf/step_seconds",
                "perf/teacher_seconds", "perf/peak_memory_bytes");
        var evaluated = new TreeSet<>(training);
        evaluated.addAll(Set.of("eval/loss", "eval/expected_acceptance"));
        List<JsonNode> lines = metrics();
        assertEquals(List.of(1, 2, 3, 4, 6), lines.stream().map(l -> l.get("step").asInt()).toList());
        for (JsonNode line : lines) {
            boolean held3 = line.get("step").asInt() % 3 == 0;
            assertEquals(held3 ? evaluated : new TreeSet<>(training), keys(line));
            assertEquals("selective", line.get("stage").asText());
            assertEquals(line.get("step").asInt() / 5.0, line.get("epoch").asDouble());
            assertEquals(3e-4, line.get("train/learning_rate").asDouble());
            assertEquals(
                    line.get("train/kl_draft").asDouble() - line.get("train/kl_ref").asDouble(), line.get("train/gap_mean").asDouble(), 1e-5);
        }
        assertEquals(outcome.loss(), lines.getLast().get("eval/loss").asDouble());
        assertEquals(outcome.expectedAcceptance(), lines.getLast().get("eval/expected_acceptance").asDouble());
    }

    @Test
    void supervisedMetricsHaveNoTeacher() throws IOException {
        Ops ops = TestBackends.all().getFirst();
        Weights weights = TinyModels.random(TinyModels.architecture(VOCABULARY, 16, 1, false), 2, allocator);
        var objective = new CrossEntropy(new Transformer(ops, weights, allocator), LogitsBudget.DEFAULT, workspace);
        MicroBatch batch = TinyModels.batch(4, VOCABULARY, 1);
        new Trainer(
                        "sft", TrainingOptions.builder().epochs(2).build(), weights, objective, ops, allocator,
                        checkpoints(), new MetricsLog(folder.resolve("metrics.jsonl")), TrainingListener.SILENT,
                        () -> false)
                .run(new FixedPlan(List.of(List.of(batch))), List.of(batch));
        assertEquals(
                new TreeSet<>(Set.of(
                        "stage", "step", "epoch", "train/loss", "train/grad_norm", "train/learning_rate", "eval/loss", "perf/tokens_per_second",
                        "perf/step_seconds", "perf/peak_memory_bytes")),
                keys(metrics().getLast()));
        assertFalse(Files.exists(folder.resolve("checkpoint-best")));
    }

    @Test
    void checkpointsOpenAsModelsAndHoldTheState() {
        var setup = new Setup(TestBackends.all().getFirst());
        var options = TrainingOptions.builder().epochs(5).saveSteps(2).evalSteps(2).build();
        MicroBatch batch = TinyModels.batch(4, VOCABULARY, 1);
        setup.train(options, new FixedPlan(List.of(List.of(batch))), List.of(batch));
        for (String name : List.of("checkpoint-2", "checkpoint-4", "checkpoint-5", "checkpoint-latest", "checkpoint-best")) {
            assertTrue(Files.isDirectory(folder.resolve(name)), name);
        }
        assertFalse(Files.exists(folder.resolve("checkpoint-1")));
        Path latest = folder.resolve("checkpoint-latest");
        try (Model model = Model.open(latest, DType.F32, allocator);
                var moments = Safetensors.open(latest.resolve("optimizer.safetensors"))) {
            assertArrayEquals(bytes(setup.draft), bytes(model.weights().trainableCopy(allocator)));
            assertEquals(2 * model.weights().tensors().size(), moments.tensors().size());
            assertEquals("5", moments.metadata().get("steps"));
        }
        JsonNode state = Json.readFile(latest.resolve("trainer_state.json"));
        assertEquals(5, state.get("step").asInt());
        assertEquals(5, state.get("total_steps").asInt());
        // The draft nears its target with every step here, so the last evaluation is the best.
        assertEquals(5, Json.readFile(folder.resolve("checkpoint-best").resolve("trainer_state.json")).get("best_step").asInt());
    }

    /** With a learning rate that ruins the draft, the first evaluation stays the best. */
    @Test
    void theNewestAndTheBestCheckpointsStay() throws IOException {
        var setup = new Setup(TestBackends.all().getFirst());
        var options = TrainingOptions.builder().epochs(6).saveSteps(1).evalSteps(1).learningRate(3).weightDecay(0).saveTotalLimit(2).build();
        MicroBatch batch = TinyModels.batch(4, VOCABULARY, 1);
        setup.train(options, new FixedPlan(List.of(List.of(batch))), List.of(batch));
        Files.createDirectory(folder.resolve("checkpoint-99x"));
        long best = Json.readFile(folder.resolve("checkpoint-best/trainer_state.json")).get("step").asLong();
        assertTrue(best < 5, "the test expects an old best, not " + best);
        try (var files = Files.list(folder)) {
            assertEquals(
                    new TreeSet<>(Set.of(
                            "checkpoint-" + best, "checkpoint-5", "checkpoint-6", "checkpoint-latest", "checkpoint-best", "checkpoint-99x",
                            "metrics.jsonl")),
                    new TreeSet<>(files.map(file -> file.getFileName().toString()).toList()));
        }
        assertEquals(6, Json.readFile(folder.resolve("checkpoint-latest/trainer_state.json")).get("step").asLong());
    }

    /** Golden rates are in ScheduleTest; here the optimiser and metrics.jsonl see them. */
    @Test
    void theRateFollowsTheSchedule() throws IOException {
        var setup = new Setup(TestBackends.all().getFirst());
        byte[] start = bytes(setup.draft);
        var plan = new FixedPlan(List.of(List.of(TinyModels.batch(4, VOCABULARY, 1))));
        var schedule = new Schedule(Schedule.Kind.LINEAR, 0.2);
        var options = TrainingOptions.builder().epochs(5).loggingSteps(1).learningRate(4e-3).schedule(schedule).saveSteps(1).build();
        setup.train(options, plan, List.of());
        assertEquals(List.of(0.0, 4e-3, 3e-3, 2e-3, 1e-3), metrics().stream().map(line -> line.get("train/learning_rate").asDouble()).toList());
        try (Model first = Model.open(folder.resolve("checkpoint-1"), DType.F32, allocator);
                Model second = Model.open(folder.resolve("checkpoint-2"), DType.F32, allocator)) {
            assertArrayEquals(start, bytes(first.weights().trainableCopy(allocator)));
            assertFalse(java.util.Arrays.equals(start, bytes(second.weights().trainableCopy(allocator))));
        }
    }

    @Test
    void aLossThatIsNotANumberEndsTheRunUnapplied() {
        var setup = new Setup(TestBackends.all().getFirst());
        MicroBatch good = TinyModels.batch(4, VOCABULARY, 1);
        int poisoned = 20;
        int[] ids = good.sequences().ids().clone();
        for (int i = 0; i < ids.length; i++) {
            ids[i] = ids[i] == poisoned ? 0 : ids[i];
        }
        MicroBatch clean = new MicroBatch(new adaspec.model.Sequences(ids, good.sequences().starts()), good.answerStarts());
        int[] bad = ids.clone();
        bad[0] = poisoned;
        MicroBatch broken = new MicroBatch(new adaspec.model.Sequences(bad, good.sequences().starts()), good.answerStarts());
        // Only the third step looks this row up.
        setup.draft.embedding().set(poisoned, 0, Float.NaN);
        setup.vocabulary = 20;
        var thrown = assertThrows(
                InputException.class,
                () -> setup.train(
                        TrainingOptions.builder().epochs(1).build(),
                        new FixedPlan(List.of(List.of(clean), List.of(clean), List.of(broken))),
                        List.of()));
        assertTrue(thrown.getMessage().startsWith("distillspec, step 3: the loss is NaN; the step was not applied"), thrown::getMessage);
        assertTrue(thrown.getMessage().contains(folder.resolve("checkpoint-2").toString()), thrown::getMessage);
        assertEquals(2, Json.readFile(folder.resolve("checkpoint-2/trainer_state.json")).get("step").asInt());
        // Read as a file: a model that holds NaN does not open.
        try (var saved = Safetensors.open(folder.resolve("checkpoint-latest/model.safetensors"))) {
            assertTrue(Float.isNaN(saved.tensors().get("gpt_neox.embed_in.weight").get(poisoned, 0)));
            Tensor head = saved.tensors().get("embed_out.weight");
            for (long i = 0; i < head.size(); i++) {
                assertTrue(Float.isFinite(head.get(i)));
            }
        }
    }

    @Test
    void stopsAfterTheStepItIsInWithACheckpoint() {
        var setup = new Setup(TestBackends.all().getFirst());
        int[] asked = {0};
        setup.stop = () -> ++asked[0] == 2;
        var plan = new FixedPlan(List.of(List.of(TinyModels.batch(4, VOCABULARY, 1))));
        var stopped = assertThrows(TrainingStopped.class, () -> setup.train(TrainingOptions.builder().epochs(9).build(), plan, List.of()));
        assertEquals(folder.resolve("checkpoint-2"), stopped.checkpoint());
        assertTrue(Files.isRegularFile(stopped.checkpoint().resolve("model.safetensors")));
    }

    @Test
    void countsStepsAsTransformersDoes() {
        assertEquals(1403, TrainingOptions.builder().epochs(7.5).build().totalSteps(187));
        assertEquals(1404, TrainingOptions.builder().epochs(3).build().totalSteps(468));
        assertEquals(21, TrainingOptions.builder().epochs(0.3 / 0.1).build().totalSteps(7));
        assertEquals(5, TrainingOptions.builder().maxSteps(5).build().totalSteps(468));
        assertEquals(1, TrainingOptions.builder().epochs(1e-9).build().totalSteps(468));
    }

    @Test
    void refusesOptionsOutOfRange() {
        for (TrainingOptions.Builder builder : List.of(
                TrainingOptions.builder().epochs(0), TrainingOptions.builder().batchSize(0), TrainingOptions.builder().accumulation(0),
                TrainingOptions.builder().learningRate(Double.NaN), TrainingOptions.builder().learningRate(-1),
                TrainingOptions.builder().weightDecay(-0.1), TrainingOptions.builder().maxGradNorm(-1), TrainingOptions.builder().maxSteps(-1))) {
            String sentence = assertThrows(UsageException.class, builder::build).getMessage();
            assertTrue(sentence.matches("--[a-z-]+ \\S+ is out of range; .* was expected"), sentence);
        }
    }
}
