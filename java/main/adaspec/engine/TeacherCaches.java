package adaspec.engine;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import adaspec.model.Model;
import adaspec.model.ModelFiles;
import adaspec.model.Transformer;
import adaspec.tensor.DType;
import adaspec.tensor.Workspace;
import adaspec.text.DatasetFormat;
import adaspec.text.Sample;
import adaspec.text.Tokenizer;
import adaspec.train.FrozenModels;
import adaspec.train.TrainingOptions;
import adaspec.train.cache.AnswerRows;
import adaspec.train.cache.CacheCheck;
import adaspec.train.cache.CacheContent;
import adaspec.train.cache.CacheFolder;
import adaspec.train.cache.CacheKey;
import adaspec.train.cache.CachedTeachers;
import adaspec.train.cache.FolderCache;
import adaspec.train.cache.ReferenceKey;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * Teacher caches in folders, apart from a run: made before it, looked at, checked, deleted. A run of {@link Distiller} with the same models, data options
 * and precision uses what {@link #build} made.
 */
public final class TeacherCaches {
    /** Batches that {@link #verify} asks the models about again. */
    private static final int CHECKED_BATCHES = 8;

    /**
     * What a cache is made from.
     *
     * @param target     model directory with its tokenizer
     * @param reference  model directory, or null: the target's hidden states alone
     * @param trainFiles at least one
     * @param evalFile   held-out samples as the run will have them; null: a share of the training samples, which is not cached
     * @param format     null: found out from each file
     * @param maxLength  tokens that samples are cut at; 0: 512, or what the models hold if that is less
     */
    public record Source(Path target, Path reference, List<Path> trainFiles, Path evalFile, DatasetFormat format, int maxLength) {
        public Source {
            if (target == null || trainFiles.isEmpty()) {
                throw new UsageException("a target and its training files belong together; give both");
            }
            trainFiles = List.copyOf(trainFiles);
        }
    }

    private TeacherCaches() {}

    /**
     * Makes what is missing in {@code folder}, going on where an earlier attempt was interrupted.
     *
     * @param batchSize samples that the models are asked about together
     * @param precision F32 or BF16: that of the runs it is for
     * @throws adaspec.train.TrainingStopped if {@code stop} said so; what was made is kept
     */
    public static void build(
            Source source, Path folder, int batchSize, DType precision, Backend backend, RunListener listener, BooleanSupplier stop) {
        Opened.with(source, precision, backend, listener, opened -> {
            var training = TrainingOptions.builder().batchSize(batchSize).precision(precision).build();
            Samples samples = opened.samples;
            var settings = new TeacherSource.Settings(CachePlace.in(folder), samples.maxLength, training, listener, stop, null);
            try (var teachers = new TeacherSource(settings, opened.target, opened.teacher, samples.vocabulary, samples.data, opened.workspace)) {
                listener.note("training samples: " + samples.data.train().summary());
                teachers.requireRoom(source.reference != null);
                teachers.announce(source.reference != null);
                return source.reference == null ? teachers.withoutReference() : teachers.withReference(opened.reference, source.reference);
            }
        });
    }

    /**
     * The caches in {@code folder}: itself, or the folders in it.
     *
     * @param source null for all, else those of this source alone, in whatever precision
     */
    public static List<CacheContent> list(Path folder, Source source) {
        List<CacheContent> caches = CacheContent.under(folder);
        if (source == null || caches.isEmpty()) {
            return caches;
        }
        CacheKey key = keyOf(source);
        return caches.stream().filter(cache -> cache.manifest().key().equals(key.in(cache.manifest().key().precision()))).toList();
    }

    /** Fails with a sentence unless {@code folder} is a cache of {@code source}, in whatever precision. */
    public static void requireMatch(Path folder, Source source) {
        var place = new CacheFolder(folder);
        place.requireUsable(keyOf(source).in(place.manifest().key().precision()));
    }

    private static CacheKey keyOf(Source source) {
        // In the files' own types: nothing is computed, and so nothing is converted.
        try (Backend backend = Backend.open("reference", 1);
                var memory = backend.newAllocator();
                Model target = Model.open(source.target, null, memory);
                Model given = source.reference == null ? null : Model.open(source.reference, null, memory)) {
            Samples samples = Samples.of(source, target, given);
            return TeacherSource.keyOf(target, samples.data, samples.maxLength, DType.F32);
        }
    }

    /**
     * Reads all of a cache and compares it with its hashes; with a source, also asks the models again about some batches.
     *
     * @param source null: the files alone are checked
     * @return what was found, a line each
     * @throws InputException if anything is not as it should be
     */
    public static List<String> verify(Path folder, Source source, Backend backend, RunListener listener) {
        var place = new CacheFolder(folder);
        CacheContent content = CacheContent.of(place);
        List<String> lines = new ArrayList<>(content.verify());
        if (source != null) {
            DType precision = content.manifest().key().precision();
            lines.addAll(Opened.with(source, precision, backend, listener, opened -> askAgain(place, opened)));
        }
        return lines;
    }

    private static List<String> askAgain(CacheFolder place, Opened opened) {
        List<String> lines = new ArrayList<>();
        List<Sample> samples = opened.samples.data.train().samples();
        int vocabulary = opened.samples.vocabulary;
        try (var cache = new FolderCache(place, opened.key, new AnswerRows(samples), 1, opened.target.directory())) {
            var check = new CacheCheck(samples, cache, CHECKED_BATCHES, opened.workspace);
            var models = new FrozenModels(opened.teacher, opened.reference, vocabulary, opened.workspace);
            if (!cache.hidden().isComplete()) {
                return List.of("the target's hidden states are not complete: the models were not asked again");
            }
            lines.add(judged(place, "target's hidden states", check, check.hidden(models), opened.key));
            if (opened.reference == null) {
                return lines;
            }
            var reference = new ReferenceKey(ModelFiles.hashes(opened.source.reference), vocabulary);
            if (!cache.klReference(reference).isComplete()) {
                lines.add("the KL of the reference " + opened.source.reference + " is not there, or not complete");
                return lines;
            }
            var remembered = new CachedTeachers(models, cache.rows(), cache.hidden().tensor(), null);
            lines.add(judged(place, "reference's KL", check, check.klReference(reference, remembered), opened.key));
        }
        return lines;
    }

    private static String judged(CacheFolder place, String what, CacheCheck check, double difference, CacheKey key) {
        // Another machine's products sum in another order; of hidden states in bf16 each such sum may round to its neighbour.
        double allowed = key.precision() == DType.F32 ? 1e-4 : 0.05;
        String found = String.format(Locale.ROOT, "the %s of %d batches, asked again: the largest difference is %.2g", what, check.batches(), difference);
        if (!(difference <= allowed)) {
            throw new InputException("the teacher cache " + place.path() + " does not hold what its models say: " + found + ", where at most " + allowed
                    + " is rounding; clear it away with `cache delete --teacher-cache " + place.path() + "` and build it again");
        }
        return found;
    }

    /** Deletes the cache in {@code folder}, its own files alone; the bytes that were freed. */
    public static long delete(Path folder) {
        return new CacheFolder(folder).delete();
    }

    /**
     * The data of a source.
     *
     * @param vocabulary ids that the models share
     * @param maxLength  tokens that samples are cut at
     */
    private record Samples(int vocabulary, int maxLength, TrainingData data) {
        /** @param given the reference's model, or null */
        static Samples of(Source source, Model target, Model given) {
            Model[] models = given == null ? new Model[] {target} : new Model[] {target, given};
            Tokenizer tokenizer = Vocabularies.tokenizerOrNull(source.target);
            if (tokenizer == null) {
                throw new InputException("there is no tokenizer.json in " + source.target + "; a model directory with its tokenizer was expected");
            }
            int maxLength = Limits.maxLength(source.maxLength, models);
            var request = new TrainingData.Request(source.trainFiles, source.evalFile, source.format, maxLength);
            return new Samples(Vocabularies.shared(models), maxLength, TrainingData.read(request, tokenizer, target.endTokens()));
        }
    }

    /** Models and data of a source, open as long as a piece of work. */
    private static final class Opened {
        final Source source;
        final Workspace workspace;
        final Model target;
        final Transformer teacher;
        final Transformer reference;
        final Samples samples;
        final CacheKey key;

        /** @param given the reference's model, or null */
        private Opened(
                Source source,
                DType precision,
                Backend backend,
                RunListener listener,
                Workspace.Allocator memory,
                Workspace workspace,
                Model target,
                Model given) {
            this.source = source;
            this.workspace = workspace;
            this.target = target;
            samples = Samples.of(source, target, given);
            key = TeacherSource.keyOf(target, samples.data, samples.maxLength, precision);
            teacher = TeacherSource.frozen(target, precision, backend, memory, listener);
            reference = given == null ? null : TeacherSource.frozen(given, precision, backend, memory, listener);
        }

        static <R> R with(Source source, DType precision, Backend backend, RunListener listener, Function<Opened, R> work) {
            try (var memory = backend.newAllocator();
                    var workspace = backend.newWorkspace();
                    Model target = Model.open(source.target, precision, memory);
                    Model given = source.reference == null ? null : Model.open(source.reference, precision, memory)) {
                return work.apply(new Opened(source, precision, backend, listener, memory, workspace, target, given));
            }
        }
    }
}
