package adaspec.engine;

import adaspec.common.InputException;
import adaspec.common.Sha256;
import adaspec.model.Model;
import adaspec.model.ModelFiles;
import adaspec.model.Transformer;
import adaspec.tensor.DType;
import adaspec.tensor.Workspace;
import adaspec.train.FrozenModels;
import adaspec.train.Teachers;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import adaspec.train.cache.AnswerMatrix;
import adaspec.train.cache.AnswerRows;
import adaspec.train.cache.CacheBuilder;
import adaspec.train.cache.CacheFolder;
import adaspec.train.cache.CacheKey;
import adaspec.train.cache.CachedTeachers;
import adaspec.train.cache.FolderCache;
import adaspec.train.cache.MemoryCache;
import adaspec.train.cache.ReferenceKey;
import adaspec.train.cache.TeacherCache;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;

/**
 * Gives each stage of a run its teachers: the frozen models, and where a cache was asked for that cache in front of them. What a stage needs from the
 * cache and is not there yet is made before the stage begins.
 */
final class TeacherSource implements AutoCloseable {
    /**
     * @param maxLength tokens that samples were cut at
     * @param training  the batch size, the budget for logits and the precision of the run
     * @param stop      asked while a cache is being made
     * @param output    the run's folder; null if nothing is trained
     */
    record Settings(CachePlace place, int maxLength, TrainingOptions training, RunListener listener, BooleanSupplier stop, Path output) {}

    private final Settings settings;
    private final Model target;
    private final Transformer teacher;
    private final int vocabulary;
    private final TrainingData data;
    private final Workspace workspace;
    private final CacheKey key;
    private final TeacherCache cache;

    /**
     * Looks at the cache; nothing is written before a stage needs it.
     *
     * @param teacher    {@code target} as it runs
     * @param vocabulary the ids that all models share
     * @throws adaspec.common.InputException if the folder of the cache cannot be used for these models and data
     */
    TeacherSource(Settings settings, Model target, Transformer teacher, int vocabulary, TrainingData data, Workspace workspace) {
        this.settings = settings;
        this.target = target;
        this.teacher = teacher;
        this.vocabulary = vocabulary;
        this.data = data;
        this.workspace = workspace;
        boolean off = settings.place.kind() == CachePlace.Kind.OFF;
        key = off ? null : keyOf(target, data, settings.maxLength, settings.training.precision());
        cache = off ? null : open();
    }

    /** A model that is only asked, opened in {@code precision}; says so where its matrices were rounded for that. */
    static Transformer frozen(Model model, DType precision, Backend backend, Workspace.Allocator memory, RunListener listener) {
        if (precision != DType.F32 && model.fileType() != precision) {
            listener.note(model.directory() + " is " + model.fileType().torchName() + ": its matrices are rounded to " + precision.torchName()
                    + " for this run");
        }
        return new Transformer(backend.ops(), model.weights(), memory, precision);
    }

    /** @param maxLength tokens that the samples of {@code data} were cut at */
    static CacheKey keyOf(Model target, TrainingData data, int maxLength, DType precision) {
        return new CacheKey(
                precision,
                target.architecture().hiddenSize(),
                ModelFiles.hashes(target.directory()),
                Sha256.ofFile(target.directory().resolve("tokenizer.json")),
                new CacheKey.Data(data.train().fingerprint(), data.train().size(), data.train().answerTokens(), maxLength));
    }

    private TeacherCache open() {
        var rows = new AnswerRows(data.train().samples());
        int batchSize = settings.training.batchSize();
        return settings.place.kind() == CachePlace.Kind.MEMORY
                ? new MemoryCache(key, rows, batchSize)
                : new FolderCache(new CacheFolder(settings.place.folder()), key, rows, batchSize, target.directory()).readBy(workspace);
    }

    /** Fails if the cache does not fit, or lies where the run's results go. Nothing is written. */
    void requireRoom(boolean reference) {
        if (cache == null) {
            return;
        }
        Path folder = settings.place.folder();
        if (folder != null && settings.output != null && folder.toAbsolutePath().normalize().equals(settings.output.toAbsolutePath().normalize())) {
            throw new InputException("the teacher cache cannot be the output folder " + settings.output + " itself; a folder of its own was expected");
        }
        cache.requireRoom(reference);
    }

    /** What of the cache the numbers of a run depend on. */
    String batches() {
        return cache == null ? "off" : "in batches of " + cache.batchSize();
    }

    /** Says how large the cache is, before anything of it is made. */
    void announce(boolean reference) {
        if (cache == null) {
            return;
        }
        settings.listener.note("teacher cache: " + key.size(reference) + ", " + cache);
        int batchSize = settings.training.batchSize();
        if (cache.batchSize() != batchSize) {
            settings.listener.note("it was begun in batches of " + cache.batchSize() + " samples: its numbers equal those of batches of " + batchSize
                    + " within rounding");
        }
    }

    /** Teachers without a reference. */
    Teachers withoutReference() {
        var models = new FrozenModels(teacher, null, vocabulary, workspace);
        return cache == null ? models : new CachedTeachers(models, cache.rows(), hidden(models).tensor(), null);
    }

    /** @param directory of {@code reference}, in whose precision it runs */
    Teachers withReference(Transformer reference, Path directory) {
        var models = new FrozenModels(teacher, reference, vocabulary, workspace);
        if (cache == null) {
            return models;
        }
        AnswerMatrix hidden = hidden(models);
        AnswerMatrix kl = klReference(new CachedTeachers(models, cache.rows(), hidden.tensor(), null), directory);
        return new CachedTeachers(models, cache.rows(), hidden.tensor(), kl.tensor());
    }

    private AnswerMatrix hidden(Teachers models) {
        if (!cache.hidden().isComplete()) {
            try (TeacherCache.Writing writing = cache.write()) {
                orStop(builder().buildHidden(cache.hidden(), models));
            }
        }
        return cache.hidden();
    }

    private AnswerMatrix klReference(Teachers teachers, Path directory) {
        var reference = new ReferenceKey(ModelFiles.hashes(directory), vocabulary);
        if (!cache.klReference(reference).isComplete()) {
            try (TeacherCache.Writing writing = cache.write()) {
                orStop(builder().buildKlReference(cache.klReference(reference), teachers, settings.training.logitsBudget()));
            }
        }
        return cache.klReference(reference);
    }

    private CacheBuilder builder() {
        return new CacheBuilder(data.train().samples(), cache.batchSize(), workspace, settings.listener::caching, settings.stop);
    }

    private void orStop(boolean finished) {
        if (!finished) {
            throw new TrainingStopped(settings.place.kind() == CachePlace.Kind.FOLDER ? settings.place.folder() : settings.output);
        }
    }

    @Override
    public void close() {
        if (cache != null) {
            cache.close();
        }
    }
}
