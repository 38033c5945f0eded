package adaspec.engine;

import adaspec.common.InputException;
import adaspec.decode.TextListener;
import adaspec.model.Model;
import adaspec.tensor.Workspace;
import adaspec.text.StopStrings;
import adaspec.text.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

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

    /** Fails if somebody has written to one of the models since they were opened: what they say would be of no model. */
    void requireUnchanged() {
        target.requireUnchanged();
        if (draft != null) {
            draft.requireUnchanged();
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

    /** What makes a text of tokens and ends it where {@code settings} say. */
    TextBuilder textBuilder(GenerationSettings settings, BooleanSupplier cancelled, Consumer<Token> listener) {
        return new TextBuilder(requireTokenizer().stream(), new StopStrings(settings.stop()), this::isEnd, cancelled, listener);
    }

    /** A listener for a text that is not needed: without stop strings no tokenizer is, either. */
    TextListener idListener(GenerationSettings settings, BooleanSupplier cancelled, IntConsumer listener) {
        if (!settings.stop().isEmpty()) {
            return textBuilder(settings, cancelled, token -> listener.accept(token.id()));
        }
        return new TextListener() {
            @Override
            public boolean emitted(int token) {
                listener.accept(token);
                return true;
            }

            @Override
            public boolean cancelled() {
                return cancelled.getAsBoolean();
            }
        };
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
