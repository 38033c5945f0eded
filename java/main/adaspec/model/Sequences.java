package adaspec.model;

/**
 * Token ids of S sequences, one after the other, without padding.
 *
 * @param ids    (N) token ids
 * @param starts (S + 1): sequence s has rows starts[s] to starts[s + 1]; starts[0] = 0, starts[S] = N
 */
public record Sequences(int[] ids, int[] starts) {
    public Sequences {
        if (starts.length < 1 || starts[0] != 0 || starts[starts.length - 1] != ids.length) {
            throw new IllegalArgumentException("starts must run from 0 to " + ids.length);
        }
    }

    public static Sequences single(int[] ids) {
        return new Sequences(ids, new int[] {0, ids.length});
    }

    /** N, tokens in all. */
    public int rows() {
        return ids.length;
    }

    /** S. */
    public int count() {
        return starts.length - 1;
    }

    /** Tokens of the longest sequence. */
    public int longest() {
        int longest = 0;
        for (int s = 0; s < count(); s++) {
            longest = Math.max(longest, starts[s + 1] - starts[s]);
        }
        return longest;
    }

    /** (N) the position of each row within its sequence. */
    public int[] positions() {
        int[] positions = new int[ids.length];
        for (int s = 0; s < count(); s++) {
            for (int row = starts[s]; row < starts[s + 1]; row++) {
                positions[row] = row - starts[s];
            }
        }
        return positions;
    }
}
