package adaspec.train;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Checkpoints of a stage: folders {@code checkpoint-{step}} that are Hugging Face model directories with optimizer.safetensors (the two moments,
 * {@code exp_avg.*} and {@code exp_avg_sq.*}) and trainer_state.json beside the model.
 *
 * <p>A checkpoint appears whole: it is written beside its place, synced and renamed; {@link Checkpoint} reads it. {@code checkpoint-latest} and
 * {@code checkpoint-best} are relative symbolic links, so that they open as model directories.
 */
public final class Checkpoints {
    private static final Pattern NAME = Pattern.compile("checkpoint-(\\d{1,18})");

    private final Path folder;
    private final Path links;
    private final ObjectNode config;
    private final Path companions;
    private final ObjectNode run;

    /**
     * @param folder     where checkpoint-{step} go
     * @param links      where checkpoint-latest and checkpoint-best go: {@code folder} or a folder above it
     * @param config     config.json of the model in training
     * @param companions model directory whose tokenizer and generation config travel along, or null
     * @param run        what the run was given, to be compared when it is taken up
     */
    public Checkpoints(Path folder, Path links, ObjectNode config, Path companions, ObjectNode run) {
        this.folder = folder;
        this.links = links;
        this.config = config;
        this.companions = companions;
        this.run = run;
    }

    Path at(long step) {
        return folder.resolve("checkpoint-" + step);
    }

    /**
     * Writes {@code checkpoint-{step}} and points checkpoint-latest at it. Whatever moment the process or the machine ends at, the folder is there
     * with all its files, or not at all under that name.
     */
    Path write(long step, Weights weights, AdamWOptimizer optimizer, ObjectNode state) {
        Path place = at(step);
        Path beside = AtomicFile.beside(place);
        try {
            Files.createDirectories(folder);
            Files.createDirectory(beside);
            // Weights in training are f32 and are stored so: a checkpoint never rounds.
            Model.save(beside, config, weights, DType.F32, companions);
            Map<String, Tensor> moments = new LinkedHashMap<>();
            Checkpoint.putMoments(optimizer, moments);
            Safetensors.write(beside.resolve(Checkpoint.OPTIMIZER), moments, Map.of("steps", Long.toString(optimizer.steps())));
            state.set("run", run);
            state.set("files", Checkpoint.checksums(beside));
            AtomicFile.writeString(beside.resolve(Checkpoint.STATE), state.toPrettyString() + "\n");
            AtomicFile.syncFolder(beside);
            remove(step);
            Files.move(beside, place, StandardCopyOption.ATOMIC_MOVE);
            AtomicFile.syncFolder(folder);
            link("checkpoint-latest", place);
            return place;
        } catch (IOException e) {
            deleteQuietly(beside);
            throw new InputException("cannot write " + place + ": " + AtomicFile.reason(e) + "; choose a writable place with enough room", e);
        } catch (RuntimeException | Error e) {
            deleteQuietly(beside);
            throw e;
        }
    }

    /** Deletes a checkpoint, if it is there. Renamed first: a folder that is called checkpoint-{step} is whole at any moment. */
    private void remove(long step) throws IOException {
        if (Files.isDirectory(at(step), LinkOption.NOFOLLOW_LINKS)) {
            Path aside = AtomicFile.beside(at(step));
            Files.move(at(step), aside, StandardCopyOption.ATOMIC_MOVE);
            deleteTree(aside);
        }
    }

    /**
     * Makes the folder what it was when {@code from} had just been written: later checkpoints of the stage are deleted, checkpoint-latest and
     * checkpoint-best point where they did.
     *
     * @return the steps whose checkpoints were deleted
     */
    public List<Long> rewind(Checkpoint from) {
        try {
            List<Long> later = steps(folder).stream().filter(step -> step > from.step()).toList();
            for (long step : later) {
                remove(step);
            }
            link("checkpoint-latest", at(from.step()));
            if (from.bestStep() >= 0 && Files.isDirectory(at(from.bestStep()))) {
                link("checkpoint-best", at(from.bestStep()));
            } else if (!Files.exists(links.resolve("checkpoint-best"))) {
                Files.deleteIfExists(links.resolve("checkpoint-best"));
            }
            return later;
        } catch (IOException e) {
            throw new InputException("cannot write " + folder + ": " + AtomicFile.reason(e), e);
        }
    }

    /** Points checkpoint-best at {@code checkpoint-{step}}. */
    void markBest(long step) {
        try {
            link("checkpoint-best", at(step));
        } catch (IOException e) {
            throw new InputException("cannot write " + links.resolve("checkpoint-best") + ": " + AtomicFile.reason(e), e);
        }
    }

    /**
     * Deletes the oldest checkpoints of the stage until {@code limit} are left (0: leaves all). What checkpoint-latest and checkpoint-best point at
     * stays, and does not count.
     */
    public void keepNewest(int limit) {
        if (limit == 0) {
            return;
        }
        try {
            List<Long> steps = steps(folder);
            for (long step : steps.subList(0, Math.max(0, steps.size() - limit))) {
                if (!isLinked("checkpoint-latest", step) && !isLinked("checkpoint-best", step)) {
                    remove(step);
                }
            }
        } catch (IOException e) {
            throw new InputException("cannot delete old checkpoints in " + folder + ": " + AtomicFile.reason(e), e);
        }
    }

    /** Steps of the checkpoints in {@code folder}, ascending. */
    public static List<Long> steps(Path folder) throws IOException {
        List<Long> steps = new ArrayList<>();
        if (!Files.isDirectory(folder)) {
            return steps;
        }
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "checkpoint-*")) {
            for (Path checkpoint : found) {
                Matcher name = NAME.matcher(checkpoint.getFileName().toString());
                if (name.matches()) {
                    steps.add(Long.parseLong(name.group(1)));
                }
            }
        }
        Collections.sort(steps);
        return steps;
    }

    private boolean isLinked(String name, long step) throws IOException {
        Path link = links.resolve(name);
        return Files.exists(link) && Files.exists(at(step)) && Files.isSameFile(link, at(step));
    }

    private void link(String name, Path to) throws IOException {
        Path beside = AtomicFile.beside(links.resolve(name));
        Files.createSymbolicLink(beside, links.toAbsolutePath().relativize(to.toAbsolutePath()));
        try {
            Files.move(beside, links.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            deleteQuietly(beside);
            throw e;
        }
        AtomicFile.syncFolder(links);
    }

    /** Deletes a folder, a file or a link (not what it points at), if it is there. */
    public static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                Files.delete(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void deleteQuietly(Path root) {
        try {
            deleteTree(root);
        } catch (IOException ignored) {
            // The first failure is the one worth telling.
        }
    }
}
