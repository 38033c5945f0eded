package adaspec.eval;

import adaspec.decode.AcceptanceStats;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * What greedy speculation would have counted at every draft length from 1 to a longest, from one greedy pass.
 *
 * <p>The target's greedy text does not depend on the draft, and a drafted token is judged only where all before it were accepted, so that the draft
 * has read the target's own text there. One bit a position therefore says everything: whether the draft's argmax after the text before it is the
 * text's next token. A step that begins at a position accepts as many tokens as agree from there on, at most as many as it drafts, and the next one
 * begins behind them and the target's own token; see {@link adaspec.decode.SpeculativeDecoder} for the rest of the rule.
 */
final class DraftLengthReplay {
    private final AcceptanceStats[] stats; // entry g - 1: drafts of g tokens
    private final int targetCapacity;
    private final int draftCapacity;

    /**
     * @param longest        the longest draft replayed
     * @param targetCapacity ids that the target can hold
     * @param draftCapacity  ids that the draft can hold
     */
    DraftLengthReplay(int longest, int targetCapacity, int draftCapacity) {
        this.targetCapacity = targetCapacity;
        this.draftCapacity = draftCapacity;
        this.stats = new AcceptanceStats[longest];
        for (int i = 0; i < longest; i++) {
            stats[i] = new AcceptanceStats(i + 1);
        }
    }

    int longest() {
        return stats.length;
    }

    /**
     * Adds a text of {@code emitted} tokens after a prompt of {@code promptLength}.
     *
     * @param agrees bit i: the draft's argmax for the i-th token of the target's greedy text is that token. It goes on behind the end of the text, up
     *               to the first disagreement, because steps are counted before their tokens are cut at an end or a limit
     */
    void add(int promptLength, int emitted, BitSet agrees) {
        for (AcceptanceStats counts : stats) {
            count(counts, promptLength, emitted, agrees);
        }
    }

    /** Adds to {@code counts} what speculation with its draft length counts on one text, as {@link #add} describes it. */
    void count(AcceptanceStats counts, int promptLength, int emitted, BitSet agrees) {
        int at = 0; // tokens emitted when the step begins
        while (at < emitted) {
            int n = promptLength + at;
            int drafted = Math.min(Math.min(counts.numSpeculativeTokens(), targetCapacity - n), draftCapacity - n + 1);
            if (drafted <= 0) {
                at++; // past the draft's positions the target goes on alone
                continue;
            }
            int accepted = Math.min(drafted, agrees.nextClearBit(at) - at);
            counts.record(drafted, accepted);
            at += accepted + 1;
        }
    }

    /** Entry g - 1: drafts of g tokens. */
    List<AcceptanceStats> stats() {
        return List.copyOf(Arrays.asList(stats));
    }
}
