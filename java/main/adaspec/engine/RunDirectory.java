package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.FolderLock;
import adaspec.common.InputException;
import adaspec.train.Checkpoints;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.StreamSupport;

/** The folder that a run leaves its results in. */
public final class RunDirectory {
    private static final String REFERENCE = "reference";
    private static final String LOCK = ".run.lock";

    /** What every run leaves, from its beginning on. */
    private static final List<String> MARKS = List.of("config.yaml", "train_command.txt");

    /** What runs write, besides {@code checkpoint-*} and the files of a model: what an overwriting run clears away first. */
    private static final List<String> RESULTS = List.of(
            REFERENCE, "metrics.jsonl", "all_results.json", "train_command.txt", "config.yaml", "report.html", "model.safetensors", "config.json");

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
     * @param overwrite clear away what an earlier run left there: its files, and {@code reference} and {@code checkpoint-*} with all that is in them;
     *                  without it a folder that is not empty is an error
     */
    public static void prepare(Path folder, boolean overwrite) {
        if (!overwrite) {
            requireEmpty(folder);
        }
        try {
            Files.createDirectories(folder);
            List<Path> results = results(folder);
            requireOfARun(folder, results);
            // What says that a run was here goes last: who was ended on the way can begin again.
            results.sort(Comparator.comparing(result -> MARKS.contains(result.getFileName().toString())));
            for (Path result : results) {
                Checkpoints.deleteTree(result);
            }
        } catch (IOException e) {
            throw new InputException("cannot write " + folder + ": " + AtomicFile.reason(e) + "; choose a writable --output-dir", e);
        }
    }

    /** What is in {@code folder} and bears the name of a run's result. */
    private static List<Path> results(Path folder) throws IOException {
        List<Path> results = new ArrayList<>();
        try (DirectoryStream<Path> content = Files.newDirectoryStream(folder)) {
            for (Path path : content) {
                if (isResult(path)) {
                    results.add(path);
                }
            }
        }
        return results;
    }

    private static boolean isResult(Path path) {
        String name = path.getFileName().toString();
        return RESULTS.contains(name) || name.matches("checkpoint-(\\d+|latest|best)");
    }

    /** Nothing is deleted but where a run has been: anybody may call a folder "reference", and any model has a config.json. */
    private static void requireOfARun(Path folder, List<Path> results) {
        boolean run = MARKS.stream().anyMatch(mark -> Files.exists(folder.resolve(mark)));
        if (!run && !results.isEmpty()) {
            throw new InputException("the run would delete " + results.getFirst() + ", but " + folder
                    + " has no config.yaml, so no run of this engine left it; choose another --output-dir");
        }
    }

    /**
     * Keeps other runs, of this process and of others, out of {@code folder} until the result is closed or the process ends.
     *
     * @throws InputException if another run is using it
     */
    static FolderLock lock(Path folder) {
        try {
            FolderLock lock = FolderLock.tryLock(folder, LOCK, false);
            if (lock == null) {
                throw new InputException("another run is using " + folder + "; wait for it, or choose another --output-dir");
            }
            return lock;
        } catch (IOException e) {
            throw new InputException("cannot write " + folder + ": " + AtomicFile.reason(e) + "; choose a writable --output-dir", e);
        }
    }

    /** Fails if one of the files of samples that a run reads (evalFile null: not given) is what {@code overwrite} would delete. */
    static void requireKept(Path folder, boolean overwrite, List<Path> trainFiles, Path evalFile) {
        List<Path> files = new ArrayList<>(trainFiles);
        if (evalFile != null) {
            files.add(evalFile);
        }
        for (Path file : files) {
            Path real = real(file);
            if (overwrite && real.startsWith(real(folder)) && isResult(real(folder).relativize(real).getName(0))) {
                throw new InputException("--overwrite would delete " + file + " with the earlier run in " + folder + "; choose another --output-dir");
            }
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
            if (StreamSupport.stream(content.spliterator(), false).anyMatch(path -> !path.endsWith(LOCK))) {
                throw new InputException(folder + " is not empty; choose another folder, or give --overwrite where the command has it");
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
    }
}
