package adaspec.engine;

import adaspec.common.InputException;
import adaspec.train.Checkpoint;
import adaspec.train.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Where a run is taken up.
 *
 * @param checkpoint a checkpoint's folder or a link to one; null: the newest whole one of the run
 */
public record ResumeFrom(Path checkpoint) {
    /** The newest whole checkpoint of the run; where it has none yet, its beginning. */
    public static final ResumeFrom LATEST = new ResumeFrom(null);

    /** {@code latest}, or a checkpoint's folder. */
    public static ResumeFrom parse(String text) {
        return text.equals("latest") ? LATEST : new ResumeFrom(Path.of(text));
    }

    /**
     * The folder of the run that the checkpoint belongs to.
     *
     * @param output where that run's results are said to be; null: found from the checkpoint
     */
    public Path runFolder(Path output) {
        if (checkpoint == null) {
            if (output == null) {
                throw new InputException("--resume-from-checkpoint latest needs --output-dir, the folder of the run");
            }
            if (!Files.exists(output.resolve(RunSettings.FILE))) {
                throw new InputException("there is no run in " + output + ": it has no " + RunSettings.FILE
                        + "; leave --resume-from-checkpoint out to start one");
            }
            return output;
        }
        Path found = real();
        if (Files.exists(found.resolve(RunSettings.FILE))) {
            throw new InputException(checkpoint + " is the folder of a run; give one of the checkpoints in it, or `latest` and --output-dir " + checkpoint);
        }
        for (Path folder = found.getParent(); folder != null; folder = folder.getParent()) {
            if (Files.exists(folder.resolve(RunSettings.FILE))) {
                if (output != null && !folder.equals(realOr(output))) {
                    throw new InputException("the checkpoint " + checkpoint + " belongs to the run in " + folder + ", not to " + output
                            + "; leave --output-dir out, or give that folder");
                }
                return output == null ? folder : output;
            }
            if (!folder.equals(found.getParent())) {
                break;
            }
        }
        throw new InputException("the checkpoint " + checkpoint + " is in no run's folder: there is no " + RunSettings.FILE + " above it");
    }

    private Path real() {
        try {
            return checkpoint.toRealPath();
        } catch (IOException e) {
            throw new InputException("there is no checkpoint " + checkpoint, e);
        }
    }

    private static Path realOr(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path.toAbsolutePath().normalize();
        }
    }

    /** The checkpoint; null where the run has none yet. */
    Checkpoint find(Path output, List<RunStart.Stage> stages, RunListener listener) {
        runFolder(output);
        if (checkpoint != null) {
            return Checkpoint.open(output.resolve(realOr(output).relativize(real())));
        }
        return RunFolder.newestWhole(stages, listener);
    }
}
