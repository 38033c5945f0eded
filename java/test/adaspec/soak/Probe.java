package adaspec.soak;

import adaspec.decode.Sampling;
import adaspec.engine.Engine;
import adaspec.engine.Generation;
import adaspec.engine.GenerationSettings;
import adaspec.eval.Acceptance;
import adaspec.text.Prompt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/** The same prompts, asked again and again of an engine that lives for the whole run and of one that was just opened. */
final class Probe {
    /**
     * What one asking found.
     *
     * @param greedy   counts, expected acceptance and texts of greedy decoding, in few letters; on both engines the same, or both
     * @param seeded   likewise of sampling with a seed that is always the same
     * @param accepted drafted tokens that were accepted when sampling with a seed that is always another
     * @param judged   and those that were accepted or rejected
     */
    record Found(String greedy, String seeded, long accepted, long judged) {}

    private final List<Prompt> prompts;
    private final int tokens;
    private int asked;
    private boolean shortened;

    Probe(List<Prompt> prompts, int tokens) {
        this.prompts = prompts;
        this.tokens = tokens;
    }

    /** From now on one token less, as a plant. */
    void shorten() {
        shortened = true;
    }

    Found ask(Engine old, Supplier<Engine> opened) {
        var greedy = Sampling.greedy(shortened ? tokens - 1 : tokens);
        var seeded = new Sampling(tokens, 0.8, 20, 0.95, 7);
        String first = answers(old, greedy);
        String sampled = answers(old, seeded);
        try (Engine other = opened.get()) {
            String again = answers(other, greedy);
            String sampledAgain = answers(other, seeded);
            first = again.equals(first) ? first : first + "/" + again;
            sampled = sampledAgain.equals(sampled) ? sampled : sampled + "/" + sampledAgain;
        }
        Acceptance drawn = old.evaluate(ids(), new Sampling(tokens, 1, ++asked), false, done -> {});
        long accepted = drawn.stats().acceptedTokens();
        return new Found(first, sampled, accepted, accepted + drawn.stats().rejections());
    }

    private String answers(Engine engine, Sampling sampling) {
        Acceptance acceptance = engine.evaluate(ids(), sampling, false, done -> {});
        List<Integer> texts = new ArrayList<>();
        engine.generateAll(prompts, GenerationSettings.of(sampling), 2, (Generation answer) -> texts.add(Arrays.hashCode(answer.ids())));
        int hash = (Arrays.toString(acceptance.stats().histogram()) + acceptance.expectedAcceptance() + acceptance.prompts() + texts).hashCode();
        return acceptance.stats().acceptedTokens() + "of" + acceptance.stats().draftTokens() + "-" + Integer.toHexString(hash);
    }

    private List<int[]> ids() {
        return prompts.stream().map(Prompt::ids).toList();
    }
}
