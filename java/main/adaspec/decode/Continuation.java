package adaspec.decode;

import java.util.Arrays;
import java.util.function.IntConsumer;

/** A prompt and what follows it, token by token, until an end token or the limit. After the end nothing is emitted. */
final class Continuation {
    private final int promptLength;
    private final int limit;
    private final int[] endTokens;
    private final IntConsumer listener;
    private int[] ids;
    private int length;
    private FinishReason finishReason;

    /** @param limit the most tokens emitted */
    Continuation(int[] prompt, int limit, int[] endTokens, IntConsumer listener) {
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

    boolean isOpen() {
        return finishReason == null;
    }

    void emit(int token) {
        if (!isOpen()) {
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
        listener.accept(token);
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
