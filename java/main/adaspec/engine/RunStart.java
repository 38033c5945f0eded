package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.FolderLock;
import adaspec.common.InputException;
import adaspec.common.Version;
import adaspec.train.Checkpoint;
import adaspec.train.Checkpoints;
import adaspec.train.MetricsLog;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How a run begins: in an empty folder, or from a checkpoint of its own. Resuming makes the folder what it was when the checkpoint had just been
 * written: lines of metrics.jsonl, checkpoints and results that came later are gone, as are files that a killed process was writing.
 */
final class RunStart {
    /**
     * @param name   in metrics.jsonl
     * @param folder of its checkpoints and of the trained model
     */
    record Stage(String name, Path folder) {}

    /**
     * @param stages    in the order they run
     * @param overwrite whether the folder may have an earlier run in it
     * @param resume    null: the run is new
     * @param limit     checkpoints of a stage that stay; 0: all
     */
    record Request(Path output, List<Stage> stages, boolean overwrite, ResumeFrom resume, int limit, List<String> arguments) {}

    private static final String MACHINE = "made by";

    private final Request request;
    private final ObjectNode determining;
    private final RunListener listener;
    /** Null: from the beginning. */
    private Checkpoint from;

    private RunStart(Request request, ObjectNode determining, RunListener listener) {
        this.request = request;
        this.determining = determining;
        this.listener = listener;
    }

    /** The folder for this run alone, until the result is closed; its content is as it was. */
    static FolderLock enter(Request request, RunListener listener) {
        if (request.resume == null && !request.overwrite) {
            RunDirectory.requireEmpty(request.output);
        }
        FolderLock lock = RunDirectory.lock(request.output);
        if (!lock.keepsProcessesOut()) {
            listener.note("the file system of " + request.output + " has no locks: nothing keeps another process from using the folder too");
        }
        return lock;
    }

    /** Makes the {@linkplain #enter entered} folder ready, and leaves config.yaml and train_command.txt there. */
    static RunStart begin(Request request, RunSettings settings, Backend backend, RunListener listener) {
        // Told where it differs, not compared: another machine of the same kind may take a run up.
        ObjectNode determining = settings.determining().put(MACHINE, machine(backend));
        var start = new RunStart(request, determining, listener);
        if (request.resume == null) {
            RunDirectory.prepare(request.output, request.overwrite);
        } else {
            start.takeUp(settings);
        }
        settings.write(request.output);
        TrainCommand.write(request.output, request.arguments, backend, request.resume != null);
        listener.note("results go to " + request.output);
        return start;
    }

    /** What checkpoints say of the run. */
    ObjectNode determining() {
        return determining;
    }

    /** Where {@code stage} is taken up; null: from its beginning. */
    Checkpoint checkpointOf(String stage) {
        if (from == null || indexOf(stage) > indexOf(from.stage())) {
            return null;
        }
        if (stage.equals(from.stage())) {
            return from;
        }
        Path folder = request.stages.get(indexOf(stage)).folder;
        Checkpoint last = RunFolder.newestWhole(List.of(request.stages.get(indexOf(stage))), listener);
        if (last == null || !last.isLast()) {
            throw new InputException("cannot resume from " + from.folder() + ": the last checkpoint of the stage before it is no longer in " + folder
                    + "; start a new run");
        }
        return last;
    }

    /** The engine's version and what it computes with; results do not depend on the number of threads. */
    private static String machine(Backend backend) {
        return "version " + Version.current().number() + ", " + backend.description().replaceFirst("\\d+ threads?, ", "");
    }

    private int indexOf(String stage) {
        return request.stages.stream().map(Stage::name).toList().indexOf(stage);
    }

    private void takeUp(RunSettings settings) {
        Path output = request.output;
        from = request.resume.find(output, request.stages, listener);
        if (from == null) {
            requireNoForeignStage();
            listener.note("there is no checkpoint in " + output + " yet: the run starts from its beginning");
            RunDirectory.prepare(output, true);
            sweep();
            return;
        }
        if (indexOf(from.stage()) < 0) {
            throw new InputException("cannot resume from " + from.folder() + ": it belongs to the stage " + from.stage()
                    + ", which this run does not have");
        }
        settings.requireSame(from.run(), from.folder());
        if (!determining.get(MACHINE).equals(from.run().path(MACHINE))) {
            listener.note("the checkpoint was made on another machine or by another version (" + from.run().path(MACHINE).asText()
                    + "): the run goes on, but need not equal one that was never stopped bit for bit");
        }
        listener.note("resuming after step " + from.step() + (from.isLast() ? ", the last," : "") + " of the stage " + from.stage() + ", from "
                + from.folder());
        rewind();
    }

    /** A run that trained its own reference is not begun anew, and so lost, because this one was given another. */
    private void requireNoForeignStage() {
        Path folder = request.output.resolve("reference");
        boolean trained;
        try {
            trained = !Checkpoints.steps(folder).isEmpty();
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
        if (trained && request.stages.stream().noneMatch(stage -> stage.folder.equals(folder))) {
            throw new InputException("cannot resume the run in " + request.output + ": it has checkpoints of a reference stage, which this run does not have;"
                    + " leave --reference out to go on with it, or give another --output-dir");
        }
    }

    private void sweep() {
        RunFolder.sweep(request.output);
        request.stages.forEach(stage -> RunFolder.sweep(stage.folder));
    }

    private void rewind() {
        int at = indexOf(from.stage());
        var metrics = new MetricsLog(request.output.resolve("metrics.jsonl"));
        // Before anything is deleted: a file that cannot be read ends it here.
        metrics.linesUntil(from.stage(), from.step());
        sweep();
        try {
            List<Path> stale = new ArrayList<>();
            for (String name : List.of("all_results.json", "report.html")) {
                stale.add(request.output.resolve(name));
            }
            for (Stage stage : request.stages.subList(from.isLast() ? at + 1 : at, request.stages.size())) {
                // config.json first: a folder without it is no model.
                stale.add(stage.folder.resolve("config.json"));
                stale.add(stage.folder.resolve("model.safetensors"));
            }
            for (Stage later : request.stages.subList(at + 1, request.stages.size())) {
                for (long step : Checkpoints.steps(later.folder)) {
                    stale.add(later.folder.resolve("checkpoint-" + step));
                }
            }
            for (Path path : stale) {
                Checkpoints.deleteTree(path);
            }
        } catch (IOException e) {
            throw new InputException("cannot write " + request.output + ": " + AtomicFile.reason(e), e);
        }
        metrics.rewind(from.stage(), from.step());
        var checkpoints = new Checkpoints(request.stages.get(at).folder, request.output, null, null, determining);
        List<Long> later = checkpoints.rewind(from);
        // The run may have ended between writing this checkpoint and deleting an older one.
        checkpoints.keepNewest(request.limit);
        if (!later.isEmpty()) {
            listener.note("deleted the checkpoints of the steps after it: " + later);
        }
    }
}
