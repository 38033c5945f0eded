package adaspec.train.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.text.Batch;
import adaspec.text.Batcher;
import adaspec.text.Sample;
import adaspec.train.BatchPlan;
import adaspec.train.BatcherPlan;
import adaspec.train.Checkpoints;
import adaspec.train.Distillation;
import adaspec.train.FrozenModels;
import adaspec.train.LogitsBudget;
import adaspec.train.MetricsLog;
import adaspec.train.MicroBatch;
import adaspec.train.Selection;
import adaspec.train.Teachers;
import adaspec.train.TinyModels;
import adaspec.train.Trainer;
import adaspec.train.TrainingListener;
import adaspec.train.TrainingOptions;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Training from remembered answers against training with the models. */
class CachedTeachersTest {
    private static final int VOCABULARY = TinySamples.VOCABULARY;
    private static final int SAMPLES = 14;
    private static final int BATCH = 4;
    /** Chunks of five rows: KL is remembered from chunks too. */
    private static final LogitsBudget BUDGET = new LogitsBudget(16L * VOCABULARY * 5);

    private final Workspace.Allocator allocator = TestBackends.allocator();
    private final Workspace workspace = new Workspace(TestBackends.allocator(), true);
    private final List<Sample> samples = TinySamples.of(SAMPLES, 7);

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

    /** Frozen models whose operations are counted: calls by name, of bodies (embedding) and of everything. */
    private final class Frozen {
        final List<String> targetCalls = new ArrayList<>();
        final List<String> referenceCalls = new ArrayList<>();
        final FrozenModels models;

        Frozen(Ops ops, DType precision) {
            Weights target = TinyModels.random(TinyModels.architecture(VOCABULARY, 8, 2, false), 1, allocator);
            Weights reference = TinyModels.random(TinyModels.architecture(VOCABULARY, 16, 1, false), 3, allocator);
            models = new FrozenModels(
                    new Transformer(counting(ops, targetCalls), in(target, precision, ops), allocator, precision),
                    new Transformer(counting(ops, referenceCalls), in(reference, precision, ops), allocator, precision),
                    VOCABULARY,
                    workspace);
        }
    }

    private Weights in(Weights weights, DType precision, Ops ops) {
        return weights.computedIn(precision, ops, allocator);
    }

    private static Ops counting(Ops ops, List<String> calls) {
        return (Ops) Proxy.newProxyInstance(Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, (self, method, arguments) -> {
            calls.add(method.getName());
            try {
                return method.invoke(ops, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }

    private Teachers cached(FrozenModels models, TeacherCache cache) {
        var builder = new CacheBuilder(samples, BATCH, workspace, (part, done, total) -> {}, () -> false);
        var key = new ReferenceKey(TinySamples.hashes("reference"), VOCABULARY);
        try (TeacherCache.Writing writing = cache.write()) {
            assertTrue(builder.buildHidden(cache.hidden(), models));
            var target = new CachedTeachers(models, cache.rows(), cache.hidden().tensor(), null);
            assertTrue(builder.buildKlReference(cache.klReference(key), target, BUDGET));
        }
        return new CachedTeachers(models, cache.rows(), cache.hidden().tensor(), cache.klReference(key).tensor());
    }

    private TeacherCache memory(DType precision) {
        return new MemoryCache(TinySamples.key(samples, precision, 8), new AnswerRows(samples), BATCH);
    }

    private TeacherCache onDisk(DType precision, String name) {
        var place = new CacheFolder(folder.resolve(name));
        return new FolderCache(place, TinySamples.key(samples, precision, 8), new AnswerRows(samples), BATCH, folder);
    }

    /** Batches of {@code size} in the order of the data. */
    private BatchPlan inOrder(int size) {
        return new BatchPlan() {
            @Override
            public long stepsPerEpoch() {
                return Math.ceilDiv(SAMPLES, size);
            }

            @Override
            public List<MicroBatch> step(long step) {
                int from = (int) (step % stepsPerEpoch()) * size;
                return List.of(MicroBatch.of(Batch.of(samples, IntStream.range(from, Math.min(SAMPLES, from + size)).toArray())));
            }
        };
    }

    private BatchPlan shuffled() {
        return new BatcherPlan(new Batcher(samples, BATCH, 5), 2);
    }

    /** The weights that two epochs end with. */
    private float[] train(Ops ops, Teachers teachers, Selection selection, BatchPlan plan, DType precision) {
        Weights draft = TinyModels.random(TinyModels.architecture(VOCABULARY, 16, 1, false), 2, allocator);
        var student = new Transformer(ops, draft.computedIn(precision, ops, allocator), allocator, precision);
        var options = TrainingOptions.builder().epochs(2).batchSize(BATCH).learningRate(1e-3).logitsBudget(BUDGET).precision(precision).build();
        new Trainer(
                        "selective", options, draft, new Distillation(teachers, student, selection, BUDGET, workspace), ops, allocator,
                        new Checkpoints(folder.resolve("run"), folder.resolve("run"), TinyModels.config(VOCABULARY, 16, 1, false), null,
                                adaspec.common.Json.MAPPER.createObjectNode()),
                        new MetricsLog(folder.resolve("run/metrics.jsonl")), TrainingListener.SILENT, () -> false)
                .run(plan, List.of());
        return draft.arena().toFloats();
    }

    private static List<Selection> selections() {
        return List.of(
                Selection.ALL,
                new Selection(0.4, Selection.Scope.MICRO_BATCH),
                new Selection(0.4, Selection.Scope.BATCH),
                new Selection(0.5, Selection.Scope.SEQUENCE));
    }

    /** In f32 and in bf16, where the remembered hidden state is what the head would have been given. */
    @ParameterizedTest
    @MethodSource("devices")
    void theSameBatchesGiveTheSameBitsAndNoFrozenBodyRuns(Ops ops) {
        for (DType precision : List.of(DType.F32, DType.BF16)) {
            for (Selection selection : selections()) {
                var run = new Frozen(ops, precision);
                float[] expected = train(ops, run.models, selection, inOrder(BATCH), precision);
                try (TeacherCache memory = memory(precision);
                        TeacherCache disk = onDisk(precision, precision + "-" + selection)) {
                    for (TeacherCache cache : List.of(memory, disk)) {
                        var asked = new Frozen(ops, precision);
                        Teachers teachers = cached(asked.models, cache);
                        assertTrue(asked.targetCalls.contains("embedding") && asked.referenceCalls.contains("embedding"), "built by asking");
                        asked.targetCalls.clear();
                        asked.referenceCalls.clear();
                        float[] actual = train(ops, teachers, selection, inOrder(BATCH), precision);
                        assertArrayEquals(expected, actual, precision + " " + selection + " " + cache);
                        assertFalse(asked.targetCalls.contains("embedding"), "the target's body ran");
                        assertTrue(asked.targetCalls.contains("linear"), "the target's head runs on what is remembered");
                        assertEquals(List.of(), asked.referenceCalls);
                    }
                }
            }
        }
    }

    /** The whole data set as one batch, in its order, is the same batch in every epoch. */
    @ParameterizedTest
    @MethodSource("devices")
    void aFullBatchGivesTheSameBits(Ops ops) {
        var selection = new Selection(0.4, Selection.Scope.MICRO_BATCH);
        float[] expected = train(ops, new Frozen(ops, DType.F32).models, selection, inOrder(SAMPLES), DType.F32);
        try (TeacherCache cache = memory(DType.F32)) {
            FrozenModels models = new Frozen(ops, DType.F32).models;
            var builder = new CacheBuilder(samples, SAMPLES, workspace, (part, done, total) -> {}, () -> false);
            builder.buildHidden(cache.hidden(), models);
            AnswerMatrix kl = cache.klReference(new ReferenceKey(TinySamples.hashes("reference"), VOCABULARY));
            builder.buildKlReference(kl, models, BUDGET);
            Teachers teachers = new CachedTeachers(models, cache.rows(), cache.hidden().tensor(), kl.tensor());
            assertArrayEquals(expected, train(ops, teachers, selection, inOrder(SAMPLES), DType.F32));
        }
    }

    /**
     * Shuffled batches. The loops of the reference device give a row the same bits in any batch; a library's sums of at most 32 terms differ by about
     * 1e-6 of their size, which AdamW passes on to a weight as that part of its step, but for gradients that are nothing but rounding: those move a
     * weight by up to the rate 1e-3 a step, and few are so.
     */
    @ParameterizedTest
    @MethodSource("devices")
    void otherBatchesAgreeWithinRounding(Ops ops) {
        float[] expected = train(ops, new Frozen(ops, DType.F32).models, Selection.ALL, shuffled(), DType.F32);
        try (TeacherCache cache = onDisk(DType.F32, "cache")) {
            float[] actual = train(ops, cached(new Frozen(ops, DType.F32).models, cache), Selection.ALL, shuffled(), DType.F32);
            if (ops.deviceName().equals("reference")) {
                assertArrayEquals(expected, actual);
            }
            double difference = 0;
            double norm = 0;
            for (int i = 0; i < expected.length; i++) {
                difference += Math.pow(expected[i] - actual[i], 2);
                norm += Math.pow(expected[i], 2);
            }
            assertTrue(Math.sqrt(difference) <= 1e-4 * Math.sqrt(norm), Math.sqrt(difference) + " off a norm of " + Math.sqrt(norm));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatIsRememberedIsWhatTheModelsSay(Ops ops) {
        for (DType precision : List.of(DType.F32, DType.BF16)) {
            FrozenModels models = new Frozen(ops, precision).models;
            try (TeacherCache cache = memory(precision);
                    var step = workspace.begin()) {
                Teachers teachers = cached(models, cache);
                // Rows of a batch that is none of those that were asked about, its samples out of order.
                MicroBatch batch = MicroBatch.of(Batch.of(samples, new int[] {11, 2, 7}));
                Tensor expected = models.targetHidden(batch, step);
                Tensor actual = teachers.targetHidden(batch, step);
                Tensor logits = step.f32(batch.answerTokens(), VOCABULARY);
                models.targetLogits(logits, expected);
                Tensor klExpected = step.f32(batch.answerTokens());
                Tensor klActual = step.f32(batch.answerTokens());
                models.reference(batch, step).divergence(klExpected, logits, 0);
                teachers.reference(batch, step).divergence(klActual, logits, 0);
                double relative = precision == DType.F32 ? 1e-5 : 0x1p-8;
                for (long i = 0; i < expected.size(); i++) {
                    assertEquals(expected.get(i), actual.get(i), relative * Math.max(1, Math.abs(expected.get(i))));
                }
                for (long i = 0; i < klExpected.size(); i++) {
                    assertEquals(klExpected.get(i), klActual.get(i), precision == DType.F32 ? 1e-5 : 0.02 * Math.max(1, klExpected.get(i)));
                }
            }
        }
    }

    @Test
    void heldOutSamplesGoToTheModels() {
        var asked = new Frozen(TestBackends.all().getFirst(), DType.F32);
        try (TeacherCache cache = memory(DType.F32);
                var step = workspace.begin()) {
            Teachers teachers = cached(asked.models, cache);
            MicroBatch held = MicroBatch.heldOut(Batch.of(TinySamples.of(3, 99), new int[] {0, 1, 2}));
            asked.targetCalls.clear();
            Tensor actual = teachers.targetHidden(held, step);
            assertTrue(asked.targetCalls.contains("embedding"));
            assertArrayEquals(
                    asked.models.targetHidden(held, step).segment().toArray(ValueLayout.JAVA_BYTE), actual.segment().toArray(ValueLayout.JAVA_BYTE));
        }
    }

    /** Numbers of other samples would train something, silently. */
    @Test
    void samplesOfOtherDataAreRefused() {
        FrozenModels models = new Frozen(TestBackends.all().getFirst(), DType.F32).models;
        try (TeacherCache cache = memory(DType.F32);
                var step = workspace.begin()) {
            Teachers teachers = cached(models, cache);
            MicroBatch other = MicroBatch.of(Batch.of(TinySamples.of(SAMPLES + 1, 99), IntStream.range(0, SAMPLES + 1).toArray()));
            assertThrows(IllegalArgumentException.class, () -> teachers.targetHidden(other, step));
        }
    }
}
