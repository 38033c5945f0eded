package adaspec.cli;

import adaspec.decode.DraftSampleMethod;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.engine.EngineOptions;
import adaspec.ops.Verification;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** How to decode: a mixin for the commands that do. */
final class DecodingOptions {
    static final String NUM_SPECULATIVE_TOKENS = "--num-speculative-tokens";
    static final String VERIFICATION = "--verification";
    static final String DRAFT_SAMPLE_METHOD = "--draft-sample-method";

    private static final String TOP_K = "--top-k";
    private static final String TOP_P = "--top-p";

    @Option(names = "--max-new-tokens", paramLabel = "N", defaultValue = "256", order = 100,
            description = "The most tokens emitted for a prompt. Default: ${DEFAULT-VALUE}.")
    private int maxNewTokens;

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0", order = 101,
            description = "0: greedy; else logits are divided by it and sampled. Default: ${DEFAULT-VALUE}.")
    private double temperature;

    @Option(names = TOP_K, paramLabel = "K", defaultValue = "0", order = 102,
            description = "Sample from the K likeliest tokens and those that tie with the last; 0: off. Default: ${DEFAULT-VALUE}.")
    private int topK;

    @Option(names = TOP_P, paramLabel = "P", defaultValue = "1", order = 103,
            description = "Sample from the likeliest tokens that together reach this probability; 1: off. Default: ${DEFAULT-VALUE}.")
    private double topP;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", order = 104,
            description = "Seed of the random numbers. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = NUM_SPECULATIVE_TOKENS, paramLabel = "N|auto", defaultValue = "5", order = 105,
            description = {"Tokens the draft proposes in a step; auto: as many as pay, by what steps cost and how drafts fare meanwhile, none where "
                    + "none do. With auto and a temperature above 0 one seed gives other texts from run to run, of the same law. "
                    + "Default: ${DEFAULT-VALUE}."})
    private String numSpeculativeTokens;

    @Option(names = VERIFICATION, paramLabel = "M", defaultValue = "token", order = 106,
            description = "How much of a draft stands at a temperature above 0: token by token, or the block at once, which accepts no fewer. "
                    + "Default: ${DEFAULT-VALUE}.")
    private Verification verification;

    @Option(names = DRAFT_SAMPLE_METHOD, paramLabel = "M", defaultValue = "probabilistic", order = 107,
            description = "How the draft draws at a temperature above 0: probabilistic or greedy. Default: ${DEFAULT-VALUE}.")
    private DraftSampleMethod draftSampleMethod;

    Sampling sampling() {
        return new Sampling(maxNewTokens, temperature, topK, topP, seed);
    }

    /** A sentence for each option of {@code given} that greedy decoding does not look at. */
    List<String> notes(Predicate<String> given) {
        return Stream.of(TOP_K, TOP_P)
                .filter(name -> sampling().isGreedy() && given.test(name))
                .map(name -> "note: " + name + " changes nothing at --temperature 0, which is greedy; give a temperature above 0 to sample")
                .toList();
    }

    /** @param inFlight prompts at once, which share the threads */
    EngineOptions engine(DeviceOptions devices, int inFlight) {
        int threads = Math.max(1, devices.threads() / inFlight);
        var speculation = Speculation.parse(numSpeculativeTokens, draftSampleMethod, verification);
        return new EngineOptions(devices.device(), threads, devices.precision().orElse(null), speculation);
    }
}
