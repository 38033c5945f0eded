package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.train.Checkpoint;
import adaspec.train.Checkpoints;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** What a run that was stopped or killed left in its folder. */
final class RunFolder {
    /** What is written beside its place, by the process of that number. */
    private static final Pattern BESIDE = Pattern.compile("\\..+\\.\\d+(\\.old)?\\.tmp");

    private RunFolder() {}

    /**
     * The newest whole checkpoint: of the last stage that has one, the one of the highest step. Those passed over are told.
     *
     * @return null if there are no checkpoints at all
     * @throws InputException if there are checkpoints and none is whole
     */
    static Checkpoint newestWhole(List<RunStart.Stage> stages, RunListener listener) {
        InputException first = null;
        for (RunStart.Stage stage : stages.reversed()) {
            for (long step : steps(stage.folder()).reversed()) {
                try {
                    return Checkpoint.open(stage.folder().resolve("checkpoint-" + step));
                } catch (InputException damaged) {
                    listener.note("passed over: " + damaged.getMessage());
                    first = first == null ? damaged : first;
                }
            }
        }
        if (first != null) {
            throw new InputException("no checkpoint is whole; the newest: " + first.getMessage() + "; start a new run", first);
        }
        return null;
    }

    private static List<Long> steps(Path folder) {
        try {
            return Checkpoints.steps(folder);
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
    }

    /** Deletes what a killed process was writing or deleting in {@code folder}. */
    static void sweep(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (DirectoryStream<Path> hidden = Files.newDirectoryStream(folder, ".*.tmp")) {
            for (Path path : hidden) {
                if (BESIDE.matcher(path.getFileName().toString()).matches()) {
                    Checkpoints.deleteTree(path);
                }
            }
        } catch (IOException e) {
            throw new InputException("cannot write " + folder + ": " + AtomicFile.reason(e), e);
        }
    }
}
