package adaspec.decode;

import java.util.Arrays;

/**
 * The draft length of the highest expected tokens a second, from what steps cost and how drafts fare while decoding.
 *
 * <p>With t(r) a target's step of r rows, d a drafted token's time and a_i the rate at which token i is accepted after those before it, drafts of g
 * tokens bring {@code (1 + a_0 + a_0 a_1 + ...) / (g d + t(g + 1))} tokens a second; the best of these, g = 0 among them, is R. A draft goes on
 * after i tokens if some number k of further ones is worth its time at that rate: {@code s (a_i + a_i a_(i+1) + ... k terms) >= R (k d + t(i+1+k) - t(i+1))},
 * where s is the probability that all i stand, given the draft's confidence in each. This is the optimal rule for rewards that renew (continue while
 * the margin is above the average); the threshold on confidence follows from it and is not a setting. Where confidence says nothing, drafts have the
 * best g.
 *
 * <p>Where g = 0 is best the target decodes alone, and a probe is made now and then: after 8 tokens, then 16, 32, up to 256. What speculation may
 * lose is bounded by an account in target steps: it begins with {@link #LARGEST_CREDIT}, a token adds {@link #SHARE}, a round's loss against decoding
 * alone is taken from it and a gain added up to the beginning. Without credit nothing is drafted, whatever the model expects. Over T tokens the loss is at
 * most LARGEST_CREDIT + SHARE T steps and the last round's; and the draft's reading of a text that it was not known to be useless for.
 */
final class AutoDraftLength implements DraftLength {
    /** Longer drafts pay only where nearly everything is accepted at nearly no cost, and then by little. */
    static final int LONGEST = 16;

    static final double LARGEST_CREDIT = 6;
    static final double SHARE = 0.02;

    private static final int FIRST_LENGTH = 5;
    private static final int FIRST_PAUSE = 8;
    private static final int LONGEST_PAUSE = 256;
    /** Rounds after which one token is decoded alone, to know what that costs now. */
    private static final int REFRESH = 64;
    /** Rounds between two that may draft one token more than what pays. */
    private static final int EXPLORE = 8;
    /** Acceptance that a probe hopes for. */
    private static final double HOPE = 0.8;
    /** What was counted before a pause weighs this much after it. */
    private static final double STALE = 0.25;

    private final RecentCosts costs = new RecentCosts(LONGEST + 1);
    private final RecentAcceptance acceptance = new RecentAcceptance(LONGEST);
    private final double[] confidences = new double[LONGEST];
    private double credit = LARGEST_CREDIT;
    private int pause = FIRST_PAUSE;
    private int sinceDraft; // tokens emitted alone since the last draft
    private int sinceAlone; // rounds since the last token emitted alone
    private double bestRate; // R, when the round began
    private boolean probing;
    private int place; // tokens drafted in this round
    private double standing; // s
    private double spent; // by this round's draft
    private int unread; // ids that the draft reads first in this round

    @Override
    public int most() {
        return LONGEST;
    }

    @Override
    public int next(int unread) {
        Arrays.fill(confidences, Double.NaN);
        this.unread = unread;
        place = 0;
        standing = 1;
        probing = false;
        if (costs.alone() < 2) {
            return 0;
        }
        if (!costs.knowsDraft()) {
            return FIRST_LENGTH;
        }
        if (best(Double.NaN) > 0) {
            return sinceAlone >= REFRESH || credit < 0 ? 0 : LONGEST;
        }
        int hopeful = best(HOPE);
        double price = (unread * costs.reading() + hopeful * costs.draft() + costs.target(hopeful + 1)) / costs.target(1) - 1;
        if (hopeful == 0 || sinceDraft < pause || credit < price) {
            return 0;
        }
        probing = true;
        acceptance.fade(STALE);
        pause = Math.min(2 * pause, LONGEST_PAUSE);
        return hopeful;
    }

    /** The best length at acceptance {@code hoped}, or where that is NaN at the acceptance counted, which leaves its rate in {@link #bestRate}. */
    private int best(double hoped) {
        int best = 0;
        double highest = 1 / costs.target(1);
        double tokens = 1;
        double stands = 1;
        for (int g = 1; g <= LONGEST; g++) {
            stands *= Double.isNaN(hoped) ? acceptance.at(g - 1) : hoped;
            tokens += stands;
            double rate = tokens / (g * costs.draft() + costs.target(g + 1));
            if (rate > highest) {
                best = g;
                highest = rate;
            }
        }
        if (Double.isNaN(hoped)) {
            bestRate = highest;
        }
        return best;
    }

    @Override
    public boolean stopsEarly() {
        return true;
    }

    @Override
    public boolean goesOn(double confidence) {
        confidences[place++] = confidence;
        standing *= acceptance.of(confidence);
        if (probing || bestRate == 0) {
            return true;
        }
        double gain = 0;
        double stands = standing;
        double here = costs.target(place + 1);
        for (int k = 1; place + k <= LONGEST; k++) {
            stands *= acceptance.at(place + k - 1);
            gain += stands;
            if (gain >= bestRate * (k * costs.draft() + costs.target(place + 1 + k) - here)) {
                return true;
            }
        }
        // A width that was never timed is tried once, or a step in the cost that a line hides would never be found.
        return sinceAlone % EXPLORE == EXPLORE - 1 && !costs.knowsTarget(place + 2);
    }

    @Override
    public void drafted(int tokens, long nanos, long readNanos) {
        if (tokens > 0) {
            costs.draft((double) nanos / tokens);
        }
        if (unread > 1) {
            costs.reading((double) readNanos / unread);
        }
        // A prompt that is read for a draft that pays is the price of speculating at all; what was emitted alone is read on account.
        double charged = probing || unread == 0 ? 1 : Math.min(1, (double) sinceDraft / unread);
        spent = nanos + charged * readNanos;
    }

    @Override
    public void verified(int drafted, int accepted, long nanos) {
        costs.target(drafted + 1, nanos);
        acceptance.count(confidences, drafted, accepted);
        double alone = costs.target(1);
        double loss = (spent + nanos) / alone - (accepted + 1);
        credit = Math.min(LARGEST_CREDIT, credit - loss + SHARE * (accepted + 1));
        sinceDraft = 0;
        sinceAlone++;
        if (best(Double.NaN) > 0) {
            pause = FIRST_PAUSE;
        }
    }

    @Override
    public void alone(long nanos) {
        costs.target(1, nanos);
        credit = Math.min(LARGEST_CREDIT, credit + SHARE);
        sinceDraft++;
        sinceAlone = 0;
    }
}
