package adaspec.engine;

import adaspec.common.InputException;
import adaspec.model.Model;
import adaspec.tensor.Workspace;
import adaspec.text.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;

/** A target and perhaps a draft, open on a device: what all sessions of an engine share. Nothing of it changes, so any number of threads may read it. */
final class LoadedModels implements AutoCloseable {
    private final Resources resources = new Resources();
    private final Backend backend;
    private final Model target;
    private final Model draft;
    private final Tokenizer tokenizer;
    private final int vocabulary;
    private final int[] endTokens;

    /** @param draftDirectory null for none */
    LoadedModels(Path targetDirectory, Path draftDirectory, EngineOptions options) {
        try {
            backend = resources.add(Backend.open(options.device(), options.threads()));
            Workspace.Allocator memory = resources.add(backend.newAllocator());
            target = resources.add(Model.open(targetDirectory, options.precision(), memory));
            draft = draftDirectory == null ? null : resources.add(Model.open(draftDirectory, options.precision(), memory));
            tokenizer = Vocabularies.tokenizerOrNull(targetDirectory);
            vocabulary = draft == null ? Vocabularies.shared(tokenizer, target) : Vocabularies.shared(tokenizer, target, draft);
            endTokens = target.endTokens();
        } catch (RuntimeException | Error e) {
            resources.close();
            throw e;
        }
    }

    Backend backend() {
        return backend;
    }

    Model target() {
        return target;
    }

    /** Null where there is none. */
    Model draft() {
        return draft;
    }

    String targetName() {
        return "the target " + target.directory();
    }

    String draftName() {
        return "the draft " + draft.directory();
    }

    /** @throws InputException if the target has none */
    Tokenizer requireTokenizer() {
        if (tokenizer == null) {
            throw new InputException("there is no tokenizer.json in " + target.directory() + "; put the model's tokenizer there");
        }
        return tokenizer;
    }

    /** How many ids the models share; no other is drafted or emitted. */
    int vocabulary() {
        return vocabulary;
    }

    int[] endTokens() {
        return endTokens.clone();
    }

    boolean isEnd(int id) {
        return Arrays.stream(endTokens).anyMatch(end -> end == id);
    }

    /** The directories and the target's type. */
    String describe() {
        return "target " + target.directory() + " (" + target.weights().embedding().dtype() + ")" + (draft == null ? "" : ", draft " + draft.directory());
    }

    @Override
    public void close() {
        resources.close();
    }
}
