package adaspec.train;

import java.nio.file.Path;

/** The run was asked to stop: the step it was in was finished, and a checkpoint is written. */
public final class TrainingStopped extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Path checkpoint;

    /** @param checkpoint the newest one */
    public TrainingStopped(Path checkpoint) {
        super("stopped; " + checkpoint + " holds the state");
        this.checkpoint = checkpoint;
    }

    public Path checkpoint() {
        return checkpoint;
    }
}
