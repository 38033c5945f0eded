package adaspec.eval;

import adaspec.common.Json;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How well a draft serves a target on some prompts.
 *
 * @param numTargetTokens    tokens emitted by speculation, ends of text included
 * @param sampling           how they were drawn
 * @param speculation        how the draft was used
 * @param stats              what the verifier counted, over all prompts
 * @param prompts            the counts of each prompt, in order
 * @param alphaInterval      of alpha, by bootstrap over prompts
 * @param expectedAcceptance mean over emitted positions of sum_v min(p_v, q_v), laws at temperature 1; NaN where there is no position
 * @param replay             entry g - 1: what greedy drafts of g tokens count on the same texts ({@link DraftLengthReplay}); empty under sampling
 * @param timing             null if nothing was timed
 */
public record Acceptance(
        long numTargetTokens,
        Sampling sampling,
        Speculation speculation,
        AcceptanceStats stats,
        List<PromptCounts> prompts,
        Interval alphaInterval,
        double expectedAcceptance,
        List<AcceptanceStats> replay,
        Timing timing) {

    /**
     * What one prompt contributes.
     *
     * @param tokens     emitted
     * @param steps      verifications of at least one drafted token
     * @param accepted   drafted tokens accepted
     * @param rejected   steps whose first rejection was seen
     * @param positions  emitted positions that both models could read
     * @param acceptance sum over them of sum_v min(p_v, q_v)
     */
    public record PromptCounts(long tokens, long steps, long accepted, long rejected, long positions, double acceptance) {
        static PromptCounts of(long tokens, AcceptanceStats stats, long positions, double acceptance) {
            return new PromptCounts(tokens, stats.steps(), stats.acceptedTokens(), stats.rejections(), positions, acceptance);
        }
    }

    public Acceptance {
        prompts = List.copyOf(prompts);
        replay = List.copyOf(replay);
    }

    /** With the interval of alpha found by bootstrap. */
    static Acceptance of(
            long numTargetTokens,
            Sampling sampling,
            Speculation speculation,
            AcceptanceStats stats,
            List<PromptCounts> prompts,
            double expectedAcceptance,
            List<AcceptanceStats> replay,
            Timing timing) {
        Interval interval = Bootstrap.ratio(accepted(prompts), judged(prompts));
        return new Acceptance(numTargetTokens, sampling, speculation, stats, prompts, interval, expectedAcceptance, replay, timing);
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

    /** w(g): time of verifying g drafted tokens over that of a target step of one row; NaN where it was not measured. */
    public double verificationCost(int length) {
        return timing == null ? Double.NaN : timing.steps().verificationCost(length);
    }

    /** Acceptance at which drafts of N tokens break even at the measured costs: {@link SpeedModel#breakEvenAcceptance}; NaN untimed. */
    public double breakEvenAcceptance() {
        int length = stats.numSpeculativeTokens();
        return timing == null ? Double.NaN : SpeedModel.breakEvenAcceptance(length, timing.costRatio(), verificationCost(length));
    }

    /**
     * tau / (g c + w(g)) of drafts of g tokens at the measured costs: tau replayed, or under sampling that of independent acceptances of rate
     * alpha; NaN where a part of it is unknown.
     */
    public double predictedSpeedup(int length) {
        double tokens = replay.isEmpty() ? SpeedModel.tokens(alpha(), length)
                : length <= replay.size() ? replay.get(length - 1).meanAcceptanceLength() : Double.NaN;
        return timing == null ? Double.NaN : SpeedModel.speedup(tokens, length, timing.costRatio(), verificationCost(length));
    }

    /** The draft length of the highest {@link #predictedSpeedup} among those timed; 0: do not speculate; -1 where none is known. */
    public int bestNumSpeculativeTokens() {
        if (Double.isNaN(predictedSpeedup(1))) {
            return -1;
        }
        return SpeedModel.bestLength(timing.steps().longest(), this::predictedSpeedup);
    }

    /**
     * The keys that results fix, in their order, then {@code draft_length} (N or auto), {@code verification_costs} (entry g - 1: w(g)) and
     * {@code draft_lengths} (what each length would count); null where a value does not exist, as those of times where nothing was timed; then
     * {@code prompt_counts}: what each prompt contributes, a list for each count, for statistics over prompts and runs.
     */
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
        node.put("draft_length", speculation.length());
        if (timing == null) {
            node.putNull("verification_costs");
        } else {
            add(node.putArray("verification_costs"), IntStream.rangeClosed(1, timing.steps().longest()).mapToDouble(this::verificationCost).toArray());
        }
        if (replay.isEmpty()) {
            node.putNull("draft_lengths");
        } else {
            ArrayNode lengths = node.putArray("draft_lengths");
            replay.forEach(counts -> putReplayed(lengths.addObject(), counts));
        }
        putPrompts(node.putObject("prompt_counts"));
        return node;
    }

    private void putPrompts(ObjectNode node) {
        for (String name : List.of("tokens", "spec_steps", "accepted", "rejected", "positions", "acceptance")) {
            node.putArray(name);
        }
        for (PromptCounts prompt : prompts) {
            node.withArray("tokens").add(prompt.tokens());
            node.withArray("spec_steps").add(prompt.steps());
            node.withArray("accepted").add(prompt.accepted());
            node.withArray("rejected").add(prompt.rejected());
            node.withArray("positions").add(prompt.positions());
            node.withArray("acceptance").add(prompt.acceptance());
        }
    }

    private void putReplayed(ObjectNode node, AcceptanceStats counts) {
        node.put("num_speculative_tokens", counts.numSpeculativeTokens());
        put(node, "alpha", counts.alpha());
        put(node, "mean_acceptance_length", counts.meanAcceptanceLength());
        counts.putCounters(node);
        put(node, "predicted_speedup", predictedSpeedup(counts.numSpeculativeTokens()));
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
