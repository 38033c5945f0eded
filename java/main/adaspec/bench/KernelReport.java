package adaspec.bench;

import adaspec.bench.KernelTimings.Timed;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What {@link KernelTimings} found: each operation's time, its rate, and its share of what the machine allows. */
public final class KernelReport {
    private final KernelTimings.Settings settings;
    private final String device;
    private final KernelPeaks peaks;
    private final List<Timed> timed;

    KernelReport(KernelTimings.Settings settings, String device, KernelPeaks peaks, List<Timed> timed) {
        this.settings = settings;
        this.device = device;
        this.peaks = peaks;
        this.timed = timed;
    }

    /** Peaks, then of each operation its time and its rate, in the unit of what bounds it. */
    public List<Measurement> measurements() {
        List<Measurement> all = new ArrayList<>();
        all.add(peak("read bandwidth", peaks.readBytes(), "bytes/s"));
        all.add(peak("copy bandwidth", peaks.copyBytes(), "bytes/s"));
        if (!Double.isNaN(peaks.f32Operations())) {
            all.add(peak("gemm f32", peaks.f32Operations(), "operations/s"));
        }
        for (Timed each : timed) {
            all.add(time(each));
            all.add(rate(each));
        }
        return all;
    }

    private Measurement peak(String name, double value, String unit) {
        return Measurement.of("kernels: " + name, "the best of the run", new double[] {value}, unit, Double.NaN, device);
    }

    private Measurement time(Timed each) {
        KernelCase operation = each.operation();
        return Measurement.of("kernels: " + operation.name(), operation.shape(), each.seconds(), "s", share(each), device);
    }

    private Measurement rate(Timed each) {
        KernelCase operation = each.operation();
        boolean arithmetic = operation.isBoundByArithmetic(peaks);
        double amount = arithmetic ? operation.operations() : operation.bytes();
        double[] rates = Arrays.stream(each.seconds()).map(s -> amount / s).toArray();
        return Measurement.of(
                "kernels: " + operation.name() + " rate", operation.shape(), rates, arithmetic ? "operations/s" : "bytes/s", share(each), device);
    }

    private double share(Timed each) {
        double[] sorted = each.seconds().clone();
        Arrays.sort(sorted);
        return each.operation().floorSeconds(peaks) / Measurement.median(sorted);
    }

    /** The lines that people read. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(device + "; the median of " + settings.repetitions() + " repetitions");
        lines.add(format("%-24s %8.1f GB/s", "read bandwidth", peaks.readBytes() / 1e9));
        lines.add(format("%-24s %8.1f GB/s, read and written together", "copy bandwidth", peaks.copyBytes() / 1e9));
        if (!Double.isNaN(peaks.f32Operations())) {
            lines.add(format("%-24s %8.0f Gop/s f32", "large product", peaks.f32Operations() / 1e9));
        }
        lines.add("");
        int name = width(timed.stream().map(each -> each.operation().name()).toList(), "operation");
        int shape = width(timed.stream().map(each -> each.operation().shape()).toList(), "shape");
        lines.add(format("%-" + name + "s  %-" + shape + "s %10s %10s %10s %14s %7s", "operation", "shape", "us", "min", "max", "rate", "share"));
        for (Timed each : timed) {
            Measurement time = time(each);
            Measurement rate = rate(each);
            lines.add(format("%-" + name + "s  %-" + shape + "s %10.1f %10.1f %10.1f %8.1f %s %5.0f %%", each.operation().name(),
                    each.operation().shape(), 1e6 * time.median(), 1e6 * time.min(), 1e6 * time.max(), rate.median() / 1e9,
                    rate.unit().equals("bytes/s") ? "GB/s " : "Gop/s", 100 * share(each)));
        }
        lines.add("rate: bytes that must be read and written, or multiplications and additions, by the median; share: of the least time that these take"
                + " at the rates above (what is read beside what is written at the copy's). Bytes that fit a cache may come sooner.");
        return lines;
    }

    private static int width(List<String> words, String heading) {
        return Math.max(heading.length(), words.stream().mapToInt(String::length).max().orElse(0));
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
