package adaspec.eval;

import adaspec.common.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a {@link LosslessnessCheck} found.
 *
 * @param prompts            decoded greedily
 * @param mismatched         of them, those whose speculative ids differ from the plain ones at some draft length or verification
 * @param selfAcceptance     alpha of a target that drafts for itself
 * @param draws              sampled texts
 * @param pValue             the least of the chi-square tests' p-values times their number, at most 1
 * @param detectableDistance total variation distance from the target's law that any of the tests would have rejected with probability {@link #POWER}
 */
public record Losslessness(int prompts, int mismatched, double selfAcceptance, long draws, double pValue, double detectableDistance) {
    /** Below this the sampled law is called wrong: once in a million right ones. */
    public static final double LEAST_P_VALUE = 1e-6;

    public static final double POWER = 0.95;

    /** Whether nothing speaks against it. */
    public boolean holds() {
        return mismatched == 0 && selfAcceptance == 1 && pValue >= LEAST_P_VALUE;
    }

    public ObjectNode toJson() {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.putObject("greedy").put("prompts", prompts).put("mismatched_prompts", mismatched);
        node.put("self_acceptance", selfAcceptance);
        node.putObject("sampling").put("draws", draws).put("p_value", pValue)
                .put("detectable_total_variation", detectableDistance).put("power", POWER);
        return node;
    }
}
