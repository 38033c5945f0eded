package adaspec.cli;

import adaspec.engine.TeacherCaches;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Which cache, and the models and data it is of: a mixin for the commands under {@code cache}. The data options are those of {@code distill}. */
final class CacheFlags {
    @Option(names = "--teacher-cache", paramLabel = "DIR", required = true, order = 1, description = "The cache's folder.")
    private Path teacherCache;

    @Option(names = "--target", paramLabel = "DIR", order = 2, description = "The target's model directory, with its tokenizer.")
    private Path target;

    @Option(names = "--reference", paramLabel = "DIR", order = 3, description = "A trained reference's model directory.")
    private Path reference;

    @Option(names = "--train-file", paramLabel = "F", order = 4, description = "Training samples, a JSON object a line; may be given several times.")
    private List<Path> trainFiles = new ArrayList<>();

    @Option(names = "--eval-file", paramLabel = "F", order = 5,
            description = "Held-out samples, which are not cached. Default: the last 5 %% of the training samples by a hash of their text.")
    private Path evalFile;

    @Option(names = "--dataset-format", paramLabel = "NAME", defaultValue = "auto", order = 6,
            description = "The samples' format, as for distill. Default: ${DEFAULT-VALUE}.")
    private String datasetFormat;

    @Option(names = "--model-max-length", paramLabel = "N", order = 7,
            description = "Tokens that samples are cut at. Default: 512, or what the models hold.")
    private Integer modelMaxLength;

    Path folder() {
        return teacherCache;
    }

    boolean hasSource() {
        return target != null || reference != null || !trainFiles.isEmpty();
    }

    TeacherCaches.Source source() {
        int maxLength = TrainingFlags.modelMaxLength(modelMaxLength);
        return new TeacherCaches.Source(target, reference, trainFiles, evalFile, TrainingFlags.format(datasetFormat), maxLength);
    }
}
