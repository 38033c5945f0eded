package adaspec.bench;

import adaspec.engine.Backend;
import adaspec.model.Architecture;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.text.Batch;
import adaspec.text.DatasetFormat;
import adaspec.text.Sample;
import adaspec.train.AdamWOptimizer;
import adaspec.train.Distillation;
import adaspec.train.FrozenModels;
import adaspec.train.LogitsBudget;
import adaspec.train.MicroBatch;
import adaspec.train.PeakMemory;
import adaspec.train.PhaseClock;
import adaspec.train.PhaseClock.Phase;
import adaspec.train.Selection;
import adaspec.train.Tally;
import adaspec.train.Teachers;
import adaspec.train.cache.AnswerMatrix;
import adaspec.train.cache.AnswerRows;
import adaspec.train.cache.CacheBuilder;
import adaspec.train.cache.CacheKey;
import adaspec.train.cache.CachedTeachers;
import adaspec.train.cache.MemoryCache;
import adaspec.train.cache.ReferenceKey;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Whole optimiser steps of AdaSPEC's selective stage on random models and random tokens, by the code that {@code distill} runs: all tokens but the
 * first of a sequence are answer tokens, 0.4 of them are kept, no gradient is accumulated.
 */
public final class TrainingBenchmark {
    private static final double K = 0.4;
    private static final double WEIGHT_DECAY = 0.1;
    private static final double MAX_GRAD_NORM = 1;
    private static final float LEARNING_RATE = 3e-4f;
    private static final int TARGET_SEED = 1;
    private static final int DRAFT_SEED = 2;
    /** The reference must differ from the draft: between equals every gap is 0 and every row is kept. */
    private static final int REFERENCE_SEED = 3;

    /**
     * What is measured.
     *
     * @param batch     sequences of a step
     * @param length    tokens of a sequence, at least 2
     * @param steps     of an epoch, each with its own batch
     * @param epochs    passes over these batches
     * @param warmUp    steps before that, not measured
     * @param precision F32 or BF16
     * @param cache     whether the frozen models are asked once, before the first epoch; that time is part of the whole
     */
    public record Settings(TrainingShape shape, int batch, int length, int steps, int epochs, int warmUp, DType precision, boolean cache) {
        /** In words. */
        @Override
        public String toString() {
            return shape + " " + batch + " x " + length + " " + precision.name().toLowerCase(Locale.ROOT) + (cache ? " cached" : "");
        }
    }

    /**
     * What was measured.
     *
     * @param stepSeconds  of each step
     * @param cacheSeconds of asking the frozen models beforehand, 0 without a cache
     * @param phases       seconds of each phase in each step
     * @param keptRows     of a step, the mean
     * @param peakBytes    the most memory this process had resident until the last step, 0 where the system does not say
     */
    record Measured(double[] stepSeconds, double cacheSeconds, Map<Phase, double[]> phases, double keptRows, long peakBytes, Peaks peaks) {}

    private final Settings settings;
    private final Backend backend;
    private final Consumer<String> progress;

    /** @param progress told what is done, a line each */
    public TrainingBenchmark(Settings settings, Backend backend, Consumer<String> progress) {
        this.settings = settings;
        this.backend = backend;
        this.progress = progress;
    }

    /** Makes the models, trains and measures. */
    public TrainingReport run() {
        try (var memory = backend.newAllocator();
                var workspace = backend.newWorkspace();
                var stage = new Stage(memory, workspace)) {
            for (int i = 0; i < settings.warmUp; i++) {
                // By the models themselves: the cache's rows begin with the measured batches.
                stage.step(stage.batch(settings.steps + i), new Tally());
            }
            double cacheSeconds = settings.cache ? stage.remember() : 0;
            int total = Math.multiplyExact(settings.steps, settings.epochs);
            double[] seconds = new double[total];
            Map<Phase, double[]> phases = new HashMap<>();
            for (Phase phase : Phase.values()) {
                phases.put(phase, new double[total]);
            }
            double kept = 0;
            for (int i = 0; i < total; i++) {
                var tally = new Tally();
                seconds[i] = stage.step(stage.batch(i % settings.steps), tally);
                for (Phase phase : Phase.values()) {
                    phases.get(phase)[i] = tally.clock().seconds(phase);
                }
                kept += (double) tally.keptTokens() / total;
                progress.accept(String.format(Locale.ROOT, "step %d of %d: %.3f s", i + 1, total, seconds[i]));
            }
            long peak = PeakMemory.bytes();
            try (var lent = backend.newAllocator()) {
                return new TrainingReport(
                        settings, backend.description(),
                        new Measured(seconds, cacheSeconds, Collections.unmodifiableMap(phases), kept, peak, Peaks.measure(backend.ops(), lent)));
            }
        }
    }

    /** The selective stage, made and ready to step. */
    private final class Stage implements AutoCloseable {
        private final Ops ops = backend.ops();
        private final Workspace workspace;
        private final FrozenModels models;
        private final Transformer draft;
        private final Weights gradient;
        private final AdamWOptimizer optimizer;
        private final List<Sample> samples = new ArrayList<>();
        private final MemoryCache cache;
        private Teachers teachers;

        Stage(Workspace.Allocator memory, Workspace workspace) {
            this.workspace = workspace;
            var target = frozen(settings.shape.target(), TARGET_SEED, memory);
            var reference = frozen(settings.shape.draft(), REFERENCE_SEED, memory);
            models = new FrozenModels(target, reference, settings.shape.vocabulary(), workspace);
            teachers = models;
            Weights weights = Weights.zeros(settings.shape.draft(), memory);
            weights.initialize(DRAFT_SEED);
            draft = new Transformer(ops, weights.computedIn(settings.precision, ops, memory), memory, settings.precision);
            gradient = Weights.zeros(settings.shape.draft(), memory);
            optimizer = new AdamWOptimizer(ops, weights, AdamWOptimizer.Settings.of(WEIGHT_DECAY, MAX_GRAD_NORM), memory);
            for (int i = 0; i < settings.steps * settings.batch; i++) {
                samples.add(sample(i));
            }
            var rows = new AnswerRows(samples);
            var data = new CacheKey.Data("", samples.size(), rows.total(), settings.length);
            var key = new CacheKey(settings.precision, target.architecture().hiddenSize(), new TreeMap<>(), "", data);
            cache = settings.cache ? new MemoryCache(key, rows, settings.batch) : null;
        }

        private Transformer frozen(Architecture architecture, int seed, Workspace.Allocator memory) {
            Map<String, Tensor> tensors = new HashMap<>();
            for (Architecture.Parameter parameter : architecture.parameters()) {
                DType type = parameter.isMatrix() ? settings.precision : DType.F32;
                tensors.put(parameter.name(), Tensor.of(memory.allocate(parameter.size() * type.bytes()), type, parameter.shape()));
            }
            Weights weights = Weights.of(architecture, tensors);
            weights.initialize(seed);
            return new Transformer(ops, weights, memory, settings.precision);
        }

        private Sample sample(int index) {
            var random = new SplittableRandom(index);
            int[] ids = IntStream.generate(() -> random.nextInt(settings.shape.vocabulary())).limit(settings.length).toArray();
            return new Sample(ids, 1, new DatasetFormat.Text("", ""), "", 0, null, 0);
        }

        /** Batch {@code index}; those after the last one of an epoch are of samples that no cache knows. */
        MicroBatch batch(int index) {
            if (index < settings.steps) {
                return MicroBatch.of(Batch.of(samples, IntStream.range(index * settings.batch, (index + 1) * settings.batch).toArray()));
            }
            List<Sample> others = IntStream.range(0, settings.batch).mapToObj(i -> sample(index * settings.batch + i)).toList();
            return MicroBatch.heldOut(Batch.of(others, IntStream.range(0, settings.batch).toArray()));
        }

        /** Asks the frozen models about all samples, as a run with a teacher cache does before a stage; the seconds that took. */
        double remember() {
            long start = System.nanoTime();
            var builder = new CacheBuilder(samples, settings.batch, workspace, (part, done, total) -> {}, () -> false);
            AnswerMatrix hidden = cache.hidden();
            builder.buildHidden(hidden, models);
            var asked = new CachedTeachers(models, cache.rows(), hidden.tensor(), null);
            AnswerMatrix kl = cache.klReference(new ReferenceKey(new TreeMap<>(), settings.shape.vocabulary()));
            builder.buildKlReference(kl, asked, LogitsBudget.DEFAULT);
            teachers = new CachedTeachers(models, cache.rows(), hidden.tensor(), kl.tensor());
            double seconds = (System.nanoTime() - start) * 1e-9;
            progress.accept(String.format(Locale.ROOT, "teacher cache: %.3f s", seconds));
            return seconds;
        }

        /** One optimiser step on {@code batch}; the seconds it took. */
        double step(MicroBatch batch, Tally tally) {
            long start = System.nanoTime();
            PhaseClock clock = tally.clock();
            gradient.arena().zero();
            clock.lap(Phase.OPTIMIZER);
            new Distillation(teachers, draft, new Selection(K, Selection.Scope.MICRO_BATCH), LogitsBudget.DEFAULT, workspace)
                    .accumulate(1, List.of(batch), 1f / batch.answerTokens(), gradient, tally);
            optimizer.step(gradient, 1, optimizer.norm(gradient), LEARNING_RATE);
            clock.lap(Phase.OPTIMIZER);
            return (System.nanoTime() - start) * 1e-9;
        }

        @Override
        public void close() {
            if (cache != null) {
                cache.close();
            }
        }
    }
}
