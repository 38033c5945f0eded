package adaspec.engine;

import adaspec.eval.Acceptance;
import adaspec.tensor.DType;
import adaspec.train.TrainingListener;
import java.nio.file.Path;

/** Told how a run goes, on the thread that runs it. Every method may be left out. */
public interface RunListener extends TrainingListener {
    /** Hears nothing. */
    RunListener NONE = new RunListener() {};

    /** A sentence about the run: its output folder, its data, a setting that was adjusted. May have several lines. */
    default void note(String text) {}

    /** {@code done} of {@code total} answer tokens of the teacher cache are through for {@code part}: the target or the reference. */
    default void caching(String part, long done, long total) {}

    /** {@code done} of {@code total} prompts of the evaluation of a draft ({@code untrained}, {@code reference}, {@code draft}) are through. */
    default void evaluating(String draft, int done, int total) {}

    default void evaluated(String draft, Acceptance acceptance) {}

    /** A trained model is in its place, in {@code type}. */
    default void modelWritten(Path directory, DType type) {}
}
