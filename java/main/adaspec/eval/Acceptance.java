package adaspec.eval;

import adaspec.common.Json;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.Sampling;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * How well a draft serves a target on some prompts.
 *
 * @param numTargetTokens    tokens emitted by speculation, ends of text included
 * @param sampling           how they were drawn
 * @param stats              what the verifier counted, over all prompts
 * @param prompts            the counts of each prompt, in order
 * @param alphaInterval      of alpha, by bootstrap over prompts
 * @param expectedAcceptance mean over emitted positions of sum_v min(p_v, q_v), laws at temperature 1; NaN where there is no position
 * @param timing             null if nothing was timed
 */
public record Acceptance(
        long numTargetTokens,
        Sampling sampling,
        AcceptanceStats stats,
        List<PromptCounts> prompts,
        Interval alphaInterval,
        double expectedAcceptance,
        Timing timing) {

    /**
     * What one prompt contributes to alpha.
     *
     * @param accepted drafted tokens accepted
     * @param rejected steps whose first rejection was seen
     */
    public record PromptCounts(long accepted, long rejected) {}

    public Acceptance {
        prompts = List.copyOf(prompts);
    }

    /** With the interval of alpha found by bootstrap. */
    static Acceptance of(
            long numTargetTokens, Sampling sampling, AcceptanceStats stats, List<PromptCounts> prompts, double expectedAcceptance, Timing timing) {
        Interval interval = Bootstrap.ratio(accepted(prompts), judged(prompts));
        return new Acceptance(numTargetTokens, sampling, stats, prompts, interval, expectedAcceptance, timing);
    }

    /** accepted / (accepted + steps whose first rejection was seen); drafted tokens that were never judged do not count. */
    public double alpha() {
        return stats.alpha();
    }

    /** [i] drafted tokens of prompt i that were accepted. */
    static long[] accepted(List<PromptCounts> prompts) {
        return prompts.stream().mapToLong(PromptCounts::accepted).toArray();
    }

    /** [i] drafted tokens of prompt i that were judged. */
    static long[] judged(List<PromptCounts> prompts) {
        return prompts.stream().mapToLong(p -> p.accepted() + p.rejected()).toArray();
    }

    /** Acceptance at which drafts of N tokens break even at the measured cost ratio: {@link SpeedModel#breakEvenAcceptance}; NaN untimed. */
    public double breakEvenAcceptance() {
        return timing == null ? Double.NaN : SpeedModel.breakEvenAcceptance(timing.costRatio(), stats.numSpeculativeTokens());
    }

    /** The draft length that {@link SpeedModel#bestLength} finds for alpha and the measured cost ratio; -1 if either is unknown. */
    public int bestNumSpeculativeTokens() {
        return timing == null || Double.isNaN(alpha()) ? -1 : SpeedModel.bestLength(alpha(), timing.costRatio());
    }

    /** The keys that results fix, in their order; null where a value does not exist, as those of times where nothing was timed. */
    public ObjectNode toJson() {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.put("num_prompts", prompts.size());
        node.put("num_target_tokens", numTargetTokens);
        node.put("greedy", sampling.isGreedy());
        node.put("temperature", sampling.temperature());
        node.put("num_speculative_tokens", stats.numSpeculativeTokens());
        put(node, "alpha", alpha());
        add(node.putArray("alpha_ci95"), alphaInterval.lo(), alphaInterval.hi());
        put(node, "expected_acceptance", expectedAcceptance);
        put(node, "draft_acceptance_rate", stats.draftAcceptanceRate());
        put(node, "mean_acceptance_length", stats.meanAcceptanceLength());
        add(node.putArray("acceptance_rate_per_position"), stats.acceptanceRatePerPosition());
        add(node.putArray("conditional_acceptance_rate_per_position"), stats.conditionalAcceptanceRatePerPosition());
        stats.putCounters(node);
        put(node, "plain_tokens_per_second", timing == null ? Double.NaN : timing.plainTokensPerSecond());
        put(node, "speculative_tokens_per_second", timing == null ? Double.NaN : timing.speculativeTokensPerSecond());
        put(node, "speedup", timing == null ? Double.NaN : timing.speedup());
        put(node, "cost_ratio", timing == null ? Double.NaN : timing.costRatio());
        put(node, "break_even_acceptance", breakEvenAcceptance());
        int best = bestNumSpeculativeTokens();
        if (best < 0) {
            node.putNull("best_num_speculative_tokens");
        } else {
            node.put("best_num_speculative_tokens", best);
        }
        return node;
    }

    private static void put(ObjectNode node, String key, double value) {
        if (Double.isFinite(value)) {
            node.put(key, value);
        } else {
            node.putNull(key);
        }
    }

    private static void add(ArrayNode array, double... values) {
        for (double value : values) {
            if (Double.isFinite(value)) {
                array.add(value);
            } else {
                array.addNull();
            }
        }
    }
}
