package adaspec.soak;

/**
 * The line that fits points (x, y) best, by least squares.
 *
 * @param slope of y for 1 of x
 * @param error of the slope: its standard error if the points' distances from the line are independent
 * @param width of the points in x
 * @param spread of the points in x: the root of the sum of their squared distances from their mean
 */
record Trend(double slope, double error, double width, double spread) {
    static Trend of(double[] x, double[] y) {
        int n = x.length;
        if (n < 3 || y.length != n) {
            throw new IllegalArgumentException(n + " and " + y.length + " numbers; a line with an error needs 3 points");
        }
        double meanX = mean(x);
        double meanY = mean(y);
        double xx = 0;
        double xy = 0;
        for (int i = 0; i < n; i++) {
            xx += (x[i] - meanX) * (x[i] - meanX);
            xy += (x[i] - meanX) * (y[i] - meanY);
        }
        double slope = xy / xx;
        double squares = 0;
        for (int i = 0; i < n; i++) {
            double distance = y[i] - meanY - slope * (x[i] - meanX);
            squares += distance * distance;
        }
        return new Trend(slope, Math.sqrt(squares / (n - 2) / xx), x[n - 1] - x[0], Math.sqrt(xx));
    }

    /** From the first point to the last, along the line. */
    double rise() {
        return slope * width;
    }

    private static double mean(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum / values.length;
    }
}
