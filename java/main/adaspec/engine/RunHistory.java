package adaspec.engine;

import adaspec.eval.Acceptance;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Keeps in memory what a run said, for a program that shows it or waits for it. Safe for several threads: one runs, others may read at any time;
 * what they get is a copy.
 */
public final class RunHistory implements RunListener {
    /**
     * An evaluation on held-out samples.
     *
     * @param loss               mean over their answer tokens
     * @param expectedAcceptance NaN where there is no target
     */
    public record HeldOut(String stage, long step, double loss, double expectedAcceptance) {}

    private final List<String> notes = new ArrayList<>();
    private final List<Progress> progress = new ArrayList<>();
    private final List<HeldOut> heldOut = new ArrayList<>();
    private final List<Path> checkpoints = new ArrayList<>();
    private final Map<String, Acceptance> acceptances = new LinkedHashMap<>();

    /** Sentences about the run. */
    public synchronized List<String> notes() {
        return List.copyOf(notes);
    }

    /** The logged steps of all stages so far. */
    public synchronized List<Progress> progress() {
        return List.copyOf(progress);
    }

    public synchronized List<HeldOut> heldOut() {
        return List.copyOf(heldOut);
    }

    /** Checkpoints in the order they were written. A later one may have replaced an earlier one. */
    public synchronized List<Path> checkpoints() {
        return List.copyOf(checkpoints);
    }

    /** By {@link Distiller#UNTRAINED}, {@link Distiller#REFERENCE} and {@link Distiller#DRAFT}, as far as they are measured. */
    public synchronized Map<String, Acceptance> acceptances() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(acceptances));
    }

    @Override
    public synchronized void note(String text) {
        notes.add(text);
    }

    @Override
    public synchronized void progressed(Progress step) {
        progress.add(step);
    }

    @Override
    public synchronized void evaluated(String stage, long step, double loss, double expectedAcceptance) {
        heldOut.add(new HeldOut(stage, step, loss, expectedAcceptance));
    }

    @Override
    public synchronized void checkpointWritten(Path checkpoint) {
        checkpoints.add(checkpoint);
    }

    @Override
    public synchronized void evaluated(String draft, Acceptance acceptance) {
        acceptances.put(draft, acceptance);
    }
}
