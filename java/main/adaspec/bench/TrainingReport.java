package adaspec.bench;

import adaspec.tensor.DType;
import adaspec.train.PhaseClock.Phase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What a {@link TrainingBenchmark} found: figures with their spread, and each phase of a step beside its floor. */
public final class TrainingReport {
    private static final String NAME = "train: ";

    private final TrainingBenchmark.Settings settings;
    private final String device;
    private final TrainingBenchmark.Measured measured;
    private final StepFloors floors;

    TrainingReport(TrainingBenchmark.Settings settings, String device, TrainingBenchmark.Measured measured) {
        this.settings = settings;
        this.device = device;
        this.measured = measured;
        this.floors = new StepFloors(
                settings.shape().target(), settings.shape().draft(), settings.batch(), settings.length(), measured.keptRows(), settings.precision(),
                settings.cache(), measured.peaks());
    }

    /** Everything, first the tokens per second. */
    public List<Measurement> measurements() {
        List<Measurement> all = new ArrayList<>();
        double[] rates = Arrays.stream(measured.stepSeconds()).map(s -> tokens() / s).toArray();
        all.add(of("tokens", rates, "tokens/s", floor() / median(measured.stepSeconds())));
        if (settings.epochs() > 1 || settings.cache()) {
            all.add(of(settings.epochs() + " epochs", new double[] {wholeRate()}, "tokens/s", Double.NaN));
        }
        if (settings.cache()) {
            all.add(of("teacher cache", new double[] {measured.cacheSeconds()}, "s", Double.NaN));
        }
        if (measured.peakBytes() > 0) {
            all.add(of("peak memory", new double[] {measured.peakBytes()}, "bytes", Double.NaN));
        }
        all.add(of("gemm 1024 f32", new double[] {measured.peaks().f32Operations()}, "operations/s", Double.NaN));
        all.add(of("gemm 1024 bf16", new double[] {measured.peaks().bf16Operations()}, "operations/s", Double.NaN));
        all.add(of("read bandwidth", new double[] {measured.peaks().readBytes()}, "bytes/s", Double.NaN));
        for (Phase phase : Phase.values()) {
            all.add(of(phase.toString(), measured.phases().get(phase), "s", share(phase)));
        }
        return all;
    }

    private Measurement of(String name, double[] values, String unit, double peakShare) {
        return Measurement.of(NAME + name, settings.toString(), values, unit, peakShare, device);
    }

    /** Input tokens of a step. */
    private double tokens() {
        return (double) settings.batch() * settings.length();
    }

    /** Tokens of all epochs over all time, the frozen models' beforehand too. */
    private double wholeRate() {
        double seconds = measured.cacheSeconds() + Arrays.stream(measured.stepSeconds()).sum();
        return tokens() * measured.stepSeconds().length / seconds;
    }

    private double floor() {
        return Arrays.stream(Phase.values()).mapToDouble(floors::seconds).sum();
    }

    /** The phase's share of its floor; NaN where it takes no time. */
    private double share(Phase phase) {
        double seconds = median(measured.phases().get(phase));
        return seconds == 0 ? Double.NaN : floors.seconds(phase) / seconds;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return Measurement.median(sorted);
    }

    /** The lines that people read. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        Measurement rate = measurements().getFirst();
        lines.add(settings + ", " + device);
        lines.add(format("%-22s %8.0f tokens/s   (%.0f to %.0f, %d steps)", "whole steps", rate.median(), rate.min(), rate.max(),
                measured.stepSeconds().length));
        if (settings.epochs() > 1 || settings.cache()) {
            lines.add(format("%-22s %8.0f tokens/s   %s", "epochs: " + settings.epochs(), wholeRate(),
                    settings.cache() ? format("(%.2f s of them for the teacher cache)", measured.cacheSeconds()) : ""));
        }
        if (measured.peakBytes() > 0) {
            lines.add(format("%-22s %8.2f GB", "peak memory", measured.peakBytes() / 1e9));
        }
        Peaks peaks = measured.peaks();
        lines.add(format("%-22s %8.0f Gop/s f32, %.0f Gop/s bf16", "1024^3 product", peaks.f32Operations() / 1e9, peaks.bf16Operations() / 1e9));
        lines.add(format("%-22s %8.1f GB/s", "read bandwidth", peaks.readBytes() / 1e9));
        lines.add("");
        lines.add(format("%-22s %8s %9s %9s %8s %6s %9s", "phase", "seconds", "min", "max", "floor", "share", "of step"));
        double step = median(measured.stepSeconds());
        for (Phase phase : Phase.values()) {
            lines.add(line(phase.toString(), measured.phases().get(phase), floors.seconds(phase), step));
        }
        lines.add(line("step", measured.stepSeconds(), floor(), step));
        lines.add("floor: operations at the rate of the " + (settings.precision() == DType.BF16 ? "bf16" : "f32")
                + " product above, or bytes at the read bandwidth; share: floor over seconds");
        return lines;
    }

    private static String line(String name, double[] seconds, double floor, double step) {
        double median = median(seconds);
        double[] sorted = seconds.clone();
        Arrays.sort(sorted);
        String share = median == 0 ? "-" : format("%.0f %%", 100 * floor / median);
        return format("%-22s %8.4f %9.4f %9.4f %8.4f %6s %7.1f %%", name, median, sorted[0], sorted[sorted.length - 1], floor, share,
                100 * median / step);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
