package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.train.Checkpoints;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/** The folder that a run leaves its results in. */
public final class RunDirectory {
    /** What runs write, besides {@code checkpoint-*} and the files of a model: what an overwriting run clears away first. */
    private static final List<String> RESULTS = List.of(
            "reference", "metrics.jsonl", "all_results.json", "train_command.txt", "config.yaml", "report.html", "model.safetensors", "config.json");

    private RunDirectory() {}

    /** {@code adaspec-runs/{date-time}} under the current folder, with a number behind it if that is there already. */
    public static Path fresh() {
        String name = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd_HH-mm-ss", Locale.ROOT));
        Path folder = Path.of("adaspec-runs", name);
        for (int i = 2; Files.exists(folder); i++) {
            folder = Path.of("adaspec-runs", name + "-" + i);
        }
        return folder;
    }

    /**
     * Makes {@code folder} ready for a run.
     *
     * @param overwrite clear away what an earlier run left there (its own files only); without it a folder that is not empty is an error
     */
    public static void prepare(Path folder, boolean overwrite) {
        if (!overwrite) {
            requireEmpty(folder);
        }
        try {
            Files.createDirectories(folder);
            for (String name : RESULTS) {
                Checkpoints.deleteTree(folder.resolve(name));
            }
            try (DirectoryStream<Path> checkpoints = Files.newDirectoryStream(folder, "checkpoint-*")) {
                for (Path checkpoint : checkpoints) {
                    if (checkpoint.getFileName().toString().matches("checkpoint-(\\d+|latest|best)")) {
                        Checkpoints.deleteTree(checkpoint);
                    }
                }
            }
        } catch (IOException e) {
            throw new InputException("cannot write " + folder + ": " + AtomicFile.reason(e) + "; choose a writable --output-dir", e);
        }
    }

    /** Fails if one of the models that a run reads (null: not given) is what it would write over. */
    static void requireApart(Path folder, Path... models) {
        for (Path model : models) {
            if (model != null && real(model).startsWith(real(folder))) {
                throw new InputException("the model " + model + " lies in the output folder " + folder + "; choose another --output-dir");
            }
        }
    }

    /** Links followed as far as the path exists. */
    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path.toAbsolutePath().normalize();
        }
    }

    /** Fails unless {@code folder} is absent or an empty folder. */
    static void requireEmpty(Path folder) {
        if (!Files.exists(folder)) {
            return;
        }
        if (!Files.isDirectory(folder)) {
            throw new InputException(folder + " is a file; a new or empty folder was expected");
        }
        try (DirectoryStream<Path> content = Files.newDirectoryStream(folder)) {
            if (content.iterator().hasNext()) {
                throw new InputException(folder + " is not empty; choose another folder, or give --overwrite where the command has it");
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
    }
}
