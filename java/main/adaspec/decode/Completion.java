package adaspec.decode;

/**
 * A continuation.
 *
 * @param ids          the tokens emitted, without the prompt; an end token, if one was reached, is the last
 * @param finishReason why it ended
 * @param stats        what the verifier counted; without speculation, a count of nothing
 */
public record Completion(int[] ids, FinishReason finishReason, AcceptanceStats stats) {}
