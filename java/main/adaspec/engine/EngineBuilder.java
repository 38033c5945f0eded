package adaspec.engine;

import adaspec.common.UsageException;
import adaspec.decode.DraftSampleMethod;
import adaspec.decode.Speculation;
import adaspec.ops.Verification;
import adaspec.tensor.DType;
import java.nio.file.Path;
import java.util.Objects;

/** An {@link Engine}, option by option; each has the default of {@link EngineOptions#defaults}. */
public final class EngineBuilder {
    private Path target;
    private Path draft;
    private String device = EngineOptions.defaults().device();
    private int threads = EngineOptions.defaults().threads();
    private DType precision = EngineOptions.defaults().precision();
    private String numSpeculativeTokens = Speculation.defaults().length();
    private DraftSampleMethod draftSampleMethod = Speculation.defaults().draftSampleMethod();
    private Verification verification = Speculation.defaults().verification();

    EngineBuilder() {}

    /** Model directory of the target; needed. */
    public EngineBuilder target(Path value) {
        target = value;
        return this;
    }

    /** Model directory of a draft with the same tokenizer, or null: the target decodes alone. */
    public EngineBuilder draft(Path value) {
        draft = value;
        return this;
    }

    /** auto, cpu, reference, cuda or cuda:N. */
    public EngineBuilder device(String value) {
        device = Objects.requireNonNull(value, "device");
        return this;
    }

    /** Threads of the processor for one operation; results do not depend on it. Generations that run at once have as many each. */
    public EngineBuilder threads(int value) {
        threads = value;
        return this;
    }

    /** The type of the weights, or null: as the files have them, without rounding. */
    public EngineBuilder precision(DType value) {
        precision = value;
        return this;
    }

    /** Tokens drafted in a step. */
    public EngineBuilder numSpeculativeTokens(int value) {
        numSpeculativeTokens = Integer.toString(value);
        return this;
    }

    /** Each step drafts what pays: {@link Speculation#auto}. */
    public EngineBuilder numSpeculativeTokensAuto() {
        numSpeculativeTokens = "auto";
        return this;
    }

    /** How the draft draws when the target samples. */
    public EngineBuilder draftSampleMethod(DraftSampleMethod value) {
        draftSampleMethod = Objects.requireNonNull(value, "draftSampleMethod");
        return this;
    }

    /** How it is decided how much of a draft stands when the target samples. */
    public EngineBuilder verification(Verification value) {
        verification = Objects.requireNonNull(value, "verification");
        return this;
    }

    /**
     * Opens the models.
     *
     * @throws UsageException                    if the target was not given or a number is out of its range
     * @throws adaspec.common.InputException if something is missing or damaged, or the two models do not share a vocabulary
     */
    public Engine open() {
        if (target == null) {
            throw new UsageException("the target was not given; a model directory was expected");
        }
        var speculation = Speculation.parse(numSpeculativeTokens, draftSampleMethod, verification);
        return Engine.open(target, draft, new EngineOptions(device, threads, precision, speculation));
    }
}
