package adaspec.decode;

/**
 * How likely drafted tokens are accepted, from what was judged lately: counts that fade, by place in the draft and by the draft's confidence. Where
 * little was counted the rate over all tokens stands in, and in the beginning a guess.
 */
final class RecentAcceptance {
    /** Tokens whose worth of evidence the overall rate has against a place's or a confidence's own. */
    private static final double WEIGHT_OF_ALL = 4;
    private static final double FADING = 0.97;
    private static final int CONFIDENCES = 10;

    private final double[] judgedAt;
    private final double[] acceptedAt;
    private final double[] judgedOf = new double[CONFIDENCES];
    private final double[] acceptedOf = new double[CONFIDENCES];
    private double judged = 2; // a guess that fades as counts do
    private double accepted = 1.2;

    RecentAcceptance(int longest) {
        judgedAt = new double[longest];
        acceptedAt = new double[longest];
    }

    /** A round's outcome: tokens up to the first rejection were judged. {@code confidences} (drafted), NaN where not known. */
    void count(double[] confidences, int drafted, int acceptedTokens) {
        fade(FADING);
        for (int i = 0; i < drafted && i <= acceptedTokens; i++) {
            double one = i < acceptedTokens ? 1 : 0;
            judged++;
            accepted += one;
            judgedAt[i]++;
            acceptedAt[i] += one;
            if (!Double.isNaN(confidences[i])) {
                judgedOf[bin(confidences[i])]++;
                acceptedOf[bin(confidences[i])] += one;
            }
        }
    }

    /** Makes all that was counted weigh {@code factor} of what it did. */
    void fade(double factor) {
        judged *= factor;
        accepted *= factor;
        for (int i = 0; i < judgedAt.length; i++) {
            judgedAt[i] *= factor;
            acceptedAt[i] *= factor;
        }
        for (int i = 0; i < CONFIDENCES; i++) {
            judgedOf[i] *= factor;
            acceptedOf[i] *= factor;
        }
    }

    /** Of any token that is judged. */
    double rate() {
        return accepted / judged;
    }

    /** Of token {@code place} of a draft, those before it accepted. */
    double at(int place) {
        return (rate() * WEIGHT_OF_ALL + acceptedAt[place]) / (WEIGHT_OF_ALL + judgedAt[place]);
    }

    /** Of a token to which the draft's law gives {@code confidence}. */
    double of(double confidence) {
        int bin = bin(confidence);
        return (rate() * WEIGHT_OF_ALL + acceptedOf[bin]) / (WEIGHT_OF_ALL + judgedOf[bin]);
    }

    private static int bin(double confidence) {
        return Math.clamp((int) (confidence * CONFIDENCES), 0, CONFIDENCES - 1);
    }
}
