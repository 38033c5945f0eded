package adaspec.engine;

import adaspec.common.Json;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.FinishReason;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A prompt continued.
 *
 * @param prompt       its text
 * @param text         the continuation, without the prompt and without an end token
 * @param ids          the continuation's tokens, an end token included
 * @param finishReason why it ended
 * @param stats        what the verifier counted; a count of nothing without a draft
 * @param seconds      from the prompt's ids to the last token, reading the prompt included
 */
public record Generation(String prompt, String text, int[] ids, FinishReason finishReason, AcceptanceStats stats, double seconds) {

    /** {@code {"prompt","text","ids","finish_reason","metrics"}}; metrics are the counters. */
    public ObjectNode toJson() {
        ObjectNode node = Json.MAPPER.createObjectNode();
        node.put("prompt", prompt);
        node.put("text", text);
        ArrayNode array = node.putArray("ids");
        for (int id : ids) {
            array.add(id);
        }
        node.put("finish_reason", finishReason.toString());
        ObjectNode metrics = node.putObject("metrics");
        metrics.put("num_target_tokens", ids.length);
        stats.putCounters(metrics);
        return node;
    }
}
