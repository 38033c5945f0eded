package adaspec.soak;

import org.apache.commons.math3.stat.regression.SimpleRegression;

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
        var line = new SimpleRegression();
        for (int i = 0; i < n; i++) {
            line.addData(x[i], y[i]);
        }
        return new Trend(line.getSlope(), line.getSlopeStdErr(), x[n - 1] - x[0], Math.sqrt(line.getXSumSquares()));
    }

    /** From the first point to the last, along the line. */
    double rise() {
        return slope * width;
    }
}
