package adaspec.decode;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What verification counted. A step is one verification of at least one drafted token. Counts are the verifier's own, before the emitted
 * tokens are cut at an end token or a limit.
 *
 * <p>A drafted token after the first rejection was never judged: it is in {@link #draftTokens} and nowhere else.
 */
public final class AcceptanceStats {
    private final long[] histogram; // (N + 1): steps that accepted exactly j
    private final long[] reached; // (N): steps that judged their token i
    private final long[] acceptedAt; // (N): steps that accepted their token i
    private long draftTokens;
    private long rejections;

    /** @param numSpeculativeTokens N, the most tokens a step drafts */
    public AcceptanceStats(int numSpeculativeTokens) {
        histogram = new long[numSpeculativeTokens + 1];
        reached = new long[numSpeculativeTokens];
        acceptedAt = new long[numSpeculativeTokens];
    }

    /** Counts a step that drafted {@code drafted} tokens, 1 to N, and accepted the first {@code accepted} of them. */
    public void record(int drafted, int accepted) {
        if (drafted < 1 || drafted > numSpeculativeTokens() || accepted < 0 || accepted > drafted) {
            throw new IllegalArgumentException(accepted + " accepted of " + drafted + " drafted, at most " + numSpeculativeTokens());
        }
        histogram[accepted]++;
        draftTokens += drafted;
        for (int i = 0; i < drafted && i <= accepted; i++) {
            reached[i]++;
            if (i < accepted) {
                acceptedAt[i]++;
            }
        }
        if (accepted < drafted) {
            rejections++;
        }
    }

    /** Adds the counts of {@code other}, whose N must be the same. */
    public void add(AcceptanceStats other) {
        if (other.numSpeculativeTokens() != numSpeculativeTokens()) {
            throw new IllegalArgumentException("counts of " + other.numSpeculativeTokens() + " and " + numSpeculativeTokens() + " drafted tokens");
        }
        for (int j = 0; j < histogram.length; j++) {
            histogram[j] += other.histogram[j];
        }
        for (int i = 0; i < reached.length; i++) {
            reached[i] += other.reached[i];
            acceptedAt[i] += other.acceptedAt[i];
        }
        draftTokens += other.draftTokens;
        rejections += other.rejections;
    }

    /** N. */
    public int numSpeculativeTokens() {
        return reached.length;
    }

    public long steps() {
        long steps = 0;
        for (long count : histogram) {
            steps += count;
        }
        return steps;
    }

    public long draftTokens() {
        return draftTokens;
    }

    public long acceptedTokens() {
        long accepted = 0;
        for (int j = 0; j < histogram.length; j++) {
            accepted += j * histogram[j];
        }
        return accepted;
    }

    /** Steps whose first rejection was seen: those that did not accept all they drafted. */
    public long rejections() {
        return rejections;
    }

    /** (N + 1) entry j: steps that accepted exactly j tokens. */
    public long[] histogram() {
        return histogram.clone();
    }

    /** accepted / (accepted + rejections); NaN if nothing was judged. */
    public double alpha() {
        return ratio(acceptedTokens(), acceptedTokens() + rejections);
    }

    /** accepted / drafted; NaN if nothing was drafted. */
    public double draftAcceptanceRate() {
        return ratio(acceptedTokens(), draftTokens);
    }

    /** 1 + accepted / steps, the block efficiency: tokens that a step adds, the target's own included; NaN without a step. */
    public double meanAcceptanceLength() {
        return 1 + ratio(acceptedTokens(), steps());
    }

    /** (N) entry i: accepted at i / steps. */
    public double[] acceptanceRatePerPosition() {
        double[] rates = new double[acceptedAt.length];
        for (int i = 0; i < rates.length; i++) {
            rates[i] = ratio(acceptedAt[i], steps());
        }
        return rates;
    }

    /** (N) entry i: accepted at i / reached i; NaN where no step got there. */
    public double[] conditionalAcceptanceRatePerPosition() {
        double[] rates = new double[acceptedAt.length];
        for (int i = 0; i < rates.length; i++) {
            rates[i] = ratio(acceptedAt[i], reached[i]);
        }
        return rates;
    }

    private static double ratio(long part, long whole) {
        return whole == 0 ? Double.NaN : (double) part / whole;
    }

    /** Puts {@code acceptance_histogram}, {@code num_spec_steps}, {@code num_draft_tokens} and {@code num_accepted_draft_tokens}. */
    public void putCounters(ObjectNode node) {
        ArrayNode counts = node.putArray("acceptance_histogram");
        for (long count : histogram) {
            counts.add(count);
        }
        node.put("num_spec_steps", steps());
        node.put("num_draft_tokens", draftTokens);
        node.put("num_accepted_draft_tokens", acceptedTokens());
    }
}
