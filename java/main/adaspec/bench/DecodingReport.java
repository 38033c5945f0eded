package adaspec.bench;

import adaspec.decode.StepTimes;
import adaspec.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** What a {@link DecodingBenchmark} found: figures with their spread, each beside what bounds it. */
public final class DecodingReport {
    private final DecodingBenchmark.Settings settings;
    private final DType weightType;
    private final String device;
    private final DecodingBenchmark.Measured measured;

    DecodingReport(DecodingBenchmark.Settings settings, DType weightType, String device, DecodingBenchmark.Measured measured) {
        this.settings = settings;
        this.weightType = weightType;
        this.device = device;
        this.measured = measured;
    }

    /** Everything, first the tokens per second. */
    public List<Measurement> measurements() {
        List<Measurement> all = new ArrayList<>();
        all.add(plain());
        all.add(of("plain bound", plainBounds(), "tokens/s", Double.NaN));
        all.add(prefill("prefill", settings.prefill(), "tokens/s"));
        all.add(prefill("prefill operations", prefillOperations(), "operations/s"));
        if (settings.draft() != null) {
            all.add(speculative());
            all.add(of("speed-up", speedUps(), "x plain", Double.NaN));
            all.add(one("predicted speed-up", predictedSpeedUp(), "x plain"));
            all.add(one("tau", tau(), "tokens/step"));
            all.add(costRatio());
            all.add(verificationCost());
        }
        if (measured.peakBytes() > 0) {
            all.add(one("peak memory", measured.peakBytes(), "bytes"));
        }
        all.add(one("gemm 1024 f32", measured.peaks().f32Operations(), "operations/s"));
        all.add(one("gemm 1024 bf16", measured.peaks().bf16Operations(), "operations/s"));
        all.add(readBandwidth());
        return all;
    }

    private Measurement plain() {
        double[] rates = rates(measured.plainSeconds(), settings.newTokens());
        double[] bounds = plainBounds();
        double[] shares = IntStream.range(0, rates.length).mapToDouble(i -> rates[i] / bounds[i]).toArray();
        return of("plain", rates, "tokens/s", median(shares));
    }

    /** Tokens a second that reading the weights and the cache allowed in each repetition. */
    private double[] plainBounds() {
        double bytes = measured.floors().stepBytes(settings.context(), settings.newTokens());
        return measured.readRates().stream().mapToDouble(rate -> rate / bytes).toArray();
    }

    private Measurement readBandwidth() {
        return of("read bandwidth", measured.readRates().stream().mapToDouble(Double::doubleValue).toArray(), "bytes/s", Double.NaN);
    }

    private Measurement prefill(String name, double amount, String unit) {
        double operations = median(rates(measured.prefillSeconds(), prefillOperations()));
        return of(name, rates(measured.prefillSeconds(), amount), unit, operations / measured.peaks().f32Operations());
    }

    private double prefillOperations() {
        return measured.floors().prefillOperations(settings.prefill());
    }

    /** Its share is that of the speed-up in the predicted one. */
    private Measurement speculative() {
        return of("speculative", rates(measured.speculativeSeconds(), settings.newTokens()), "tokens/s", median(speedUps()) / predictedSpeedUp());
    }

    private double[] speedUps() {
        return IntStream.range(0, settings.repetitions())
                .mapToDouble(i -> measured.plainSeconds().get(i) / measured.speculativeSeconds().get(i))
                .toArray();
    }

    /** Tokens that a step of the target adds, the cut at the end of the text aside. */
    private double tau() {
        return measured.counts().meanAcceptanceLength();
    }

    private Measurement costRatio() {
        return of("c", eachStep(StepTimes::costRatio), "target steps", Double.NaN);
    }

    private Measurement verificationCost() {
        return of("w", eachStep(steps -> steps.verificationCost(settings.draftLength())), "target steps", Double.NaN);
    }

    /** tau / (gamma c + w): a round drafts gamma tokens, verifies them, and adds tau tokens, for each of which plain decoding takes a target step. */
    private double predictedSpeedUp() {
        return tau() / (settings.draftLength() * costRatio().median() + verificationCost().median());
    }

    private double[] eachStep(ToDoubleFunction<StepTimes> figure) {
        return measured.steps().stream().mapToDouble(figure).toArray();
    }

    private static double[] rates(List<Double> seconds, double amount) {
        return seconds.stream().mapToDouble(s -> amount / s).toArray();
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        java.util.Arrays.sort(sorted);
        return Measurement.median(sorted);
    }

    private Measurement one(String name, double value, String unit) {
        return of(name, new double[] {value}, unit, Double.NaN);
    }

    private Measurement of(String name, double[] values, String unit, double peakShare) {
        return Measurement.of("decode: " + name, settings.toString(), values, unit, peakShare, device);
    }

    /** The lines that people read. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        Peaks peaks = measured.peaks();
        DecodingFloors floors = measured.floors();
        lines.add(settings + ", weights in " + weightType + ", " + device);
        lines.add(format("%-26s %8.1f GB/s   (%.1f to %.1f) on end, beside each plain decoding", "read bandwidth", readBandwidth().median() / 1e9,
                readBandwidth().min() / 1e9, readBandwidth().max() / 1e9));
        lines.add(format("%-26s %8.0f Gop/s f32, %.0f Gop/s bf16", "1024^3 product", peaks.f32Operations() / 1e9, peaks.bf16Operations() / 1e9));
        lines.add(format("%-26s %8.3f GB and %.1f kB a position", "a step reads", floors.weightBytes() / 1e9, floors.positionBytes() / 1e3));
        if (measured.peakBytes() > 0) {
            lines.add(format("%-26s %8.2f GB", "peak memory", measured.peakBytes() / 1e9));
        }
        lines.add(line("plain decoding", plain(), 1) + format("   %.0f %% of %.1f, the bound by reading", 100 * plain().peakShare(), median(plainBounds())));
        lines.add(line("prefill of " + settings.prefill(), prefill("", settings.prefill(), "tokens/s"), 1)
                + format("   %.0f Gop/s, %.0f %% of the f32 product",
                        prefill("", prefillOperations(), "").median() / 1e9, 100 * prefill("", prefillOperations(), "").peakShare()));
        if (settings.draft() != null) {
            addSpeculation(lines);
        }
        return lines;
    }

    private void addSpeculation(List<String> lines) {
        lines.add(line("speculative decoding", speculative(), 1) + format("   %.2f times plain", median(speedUps())));
        lines.add(format("%-26s %8.3f tokens a step of the target", "tau", tau()));
        lines.add(line("c, draft step", costRatio(), 3));
        lines.add(line("w, verification of " + settings.draftLength(), verificationCost(), 3));
        lines.add(format("%-26s %8.2f times plain; measured: %.0f %% of it", "tau / (" + settings.draftLength() + " c + w)", predictedSpeedUp(),
                100 * speculative().peakShare()));
        lines.add(format("drafted tokens were accepted at the rate %s, whatever the models said: what was decoded is not the target's text (not lossless)",
                settings.acceptance()));
    }

    private static String line(String name, Measurement m, int digits) {
        String number = "%." + digits + "f";
        return format("%-26s %8s %s   (" + number + " to " + number + ")", name, format(number, m.median()), m.unit(), m.min(), m.max());
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
