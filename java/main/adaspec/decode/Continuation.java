package adaspec.decode;

import java.util.Arrays;

/** A prompt and what follows it, token by token, until an end token, the limit, or the listener's wish. After the end nothing is emitted. */
final class Continuation {
    private final int promptLength;
    private final int limit;
    private final int[] endTokens;
    private final TextListener listener;
    private int[] ids;
    private int length;
    private FinishReason finishReason;

    /** @param limit the most tokens emitted */
    Continuation(int[] prompt, int limit, int[] endTokens, TextListener listener) {
        this.promptLength = prompt.length;
        this.limit = limit;
        this.endTokens = endTokens;
        this.listener = listener;
        this.ids = Arrays.copyOf(prompt, prompt.length + Math.min(limit, 64));
        this.length = prompt.length;
        if (limit == 0) {
            finishReason = FinishReason.LENGTH;
        }
    }

    /** Whether it goes on; asks the listener, too, so that a text is not open any more once it was cancelled. */
    boolean isOpen() {
        if (finishReason == null && listener.cancelled()) {
            finishReason = FinishReason.CANCELLED;
        }
        return finishReason == null;
    }

    void emit(int token) {
        if (finishReason != null) {
            throw new IllegalStateException("token " + token + " after the end");
        }
        if (length == ids.length) {
            ids = Arrays.copyOf(ids, (int) Math.min((long) promptLength + limit, 2L * length));
        }
        ids[length++] = token;
        if (isEnd(token)) {
            finishReason = FinishReason.STOP;
        } else if (length - promptLength == limit) {
            finishReason = FinishReason.LENGTH;
        }
        if (!listener.emitted(token)) {
            finishReason = FinishReason.STOP;
        }
    }

    private boolean isEnd(int token) {
        for (int end : endTokens) {
            if (token == end) {
                return true;
            }
        }
        return false;
    }

    /** Ids committed, prompt included. */
    int length() {
        return length;
    }

    /** All ids committed, prompt included. */
    int[] ids() {
        return Arrays.copyOf(ids, length);
    }

    int last() {
        return ids[length - 1];
    }

    Completion completion(AcceptanceStats stats) {
        return new Completion(Arrays.copyOfRange(ids, promptLength, length), finishReason, stats);
    }
}
