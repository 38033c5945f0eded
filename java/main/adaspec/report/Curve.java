package adaspec.report;

import java.util.ArrayList;
import java.util.List;

/** A value over the steps of a stage, in order. */
final class Curve {
    /** @param x of a thinned curve: where its group of steps ends */
    record Point(double x, double y) {}

    private final List<Point> points = new ArrayList<>();

    void add(double x, double y) {
        points.add(new Point(x, y));
    }

    List<Point> points() {
        return List.copyOf(points);
    }

    boolean isEmpty() {
        return points.isEmpty();
    }

    /** How many neighbours a point of {@link #thinned} stands for. */
    int group(int most) {
        return Math.max(1, (points.size() + most - 1) / most);
    }

    /** At most {@code most} points, each the mean of as many neighbours; the last may stand for fewer. */
    Curve thinned(int most) {
        int group = group(most);
        Curve thin = new Curve();
        for (int from = 0; from < points.size(); from += group) {
            List<Point> own = points.subList(from, Math.min(points.size(), from + group));
            thin.add(own.getLast().x(), own.stream().mapToDouble(Point::y).average().orElseThrow());
        }
        return thin;
    }
}
