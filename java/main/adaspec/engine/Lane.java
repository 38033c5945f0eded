package adaspec.engine;

import adaspec.model.Model;
import adaspec.model.Transformer;
import adaspec.ops.Ops;
import adaspec.tensor.Workspace;

/**
 * What one thread at a time needs to run models whose weights it shares with other lanes: operations with their scratch, memory for steps, and the
 * models' tables.
 */
final class Lane implements AutoCloseable {
    private final Resources resources = new Resources();
    private final LoadedModels models;
    private final Workspace workspace;
    private final Transformer target;
    private final Transformer draft;

    Lane(LoadedModels models) {
        this.models = models;
        try {
            Ops ops = models.backend().newOps();
            Workspace.Allocator memory = newAllocator();
            workspace = resources.add(models.backend().newWorkspace());
            target = new Transformer(ops, models.target().weights(), memory);
            Model guesser = models.draft();
            draft = guesser == null ? null : new Transformer(ops, guesser.weights(), memory);
        } catch (RuntimeException | Error e) {
            resources.close();
            throw e;
        }
    }

    Workspace workspace() {
        return workspace;
    }

    Transformer target() {
        return target;
    }

    /** Null where there is none. */
    Transformer draft() {
        return draft;
    }

    /** Memory that lives until its own close or the lane's. */
    Workspace.Allocator newAllocator() {
        return resources.add(models.backend().newAllocator());
    }

    @Override
    public void close() {
        resources.close();
    }
}
