package adaspec.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import adaspec.bench.KernelCase.Work;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Times the native operations one by one, each at one shape, beside what memory and arithmetic of the same machine allow. */
public final class KernelTimings {
    private static final long PEAK_BYTES = 256L << 20;
    private static final double PEAK_SECONDS = 0.5;
    private static final double REPETITION_SECONDS = 0.01;
    private static final int MOST_RUNS = 10_000;

    /**
     * What is measured.
     *
     * @param repetitions       of each operation, of which the median is its time; a repetition is runs on end
     * @param only              parts of names of the operations to time; none: all
     * @param peakBytes         of memory that the peaks read
     * @param peakSeconds       of repetitions for each peak
     * @param repetitionSeconds least time of a repetition
     */
    public record Settings(
            KernelShapes shapes, int repetitions, List<String> only, long peakBytes, double peakSeconds, double repetitionSeconds) {
        public Settings(KernelShapes shapes, int repetitions, List<String> only) {
            this(shapes, repetitions, only, PEAK_BYTES, PEAK_SECONDS, REPETITION_SECONDS);
        }
    }

    /** Seconds of one run in each repetition. */
    record Timed(KernelCase operation, double[] seconds) {}

    private final Settings settings;
    private final KernelMachine machine;
    private final Consumer<String> progress;

    /** @param progress told what is done, a line each */
    public KernelTimings(Settings settings, KernelMachine machine, Consumer<String> progress) {
        this.settings = settings;
        this.machine = machine;
        this.progress = progress;
    }

    /** The names of the operations. */
    public static List<String> names(KernelShapes shapes) {
        return KernelCases.of(shapes).stream().map(KernelCase::name).distinct().toList();
    }

    /**
     * Times them. The peaks are measured before and after, and the better counts.
     *
     * @throws IllegalStateException if an operation computes nothing, or what is not finite: it would be timed in vain
     */
    public KernelReport run() {
        KernelPeaks before = peaks();
        List<Timed> timed = new ArrayList<>();
        for (KernelCase operation : KernelCases.of(settings.shapes)) {
            if (settings.only.isEmpty() || settings.only.stream().anyMatch(operation.name()::contains)) {
                timed.add(time(operation));
            }
        }
        return new KernelReport(settings, machine.description(), before.best(peaks()), timed);
    }

    private KernelPeaks peaks() {
        return KernelPeaks.measure(machine, settings.peakBytes, settings.peakSeconds, progress);
    }

    private Timed time(KernelCase operation) {
        try (var memory = machine.newMemory()) {
            Work work = operation.preparation().prepare(machine.kernels(), memory);
            machine.seconds(work.run(), 1);
            double once = machine.seconds(work.run(), 1);
            int runs = (int) Math.clamp(Math.ceil(settings.repetitionSeconds / once), 1, MOST_RUNS);
            double[] seconds = new double[settings.repetitions];
            for (int i = 0; i < seconds.length; i++) {
                seconds[i] = machine.seconds(work.run(), runs) / runs;
            }
            check(operation.name(), work);
            progress.accept(String.format(Locale.ROOT, "%s, %s: %d times %d runs", operation.name(), operation.shape(), seconds.length, runs));
            return new Timed(operation, seconds);
        }
    }

    static void check(String name, Work work) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment words = arena.allocate(JAVA_INT, work.words());
            work.result().read(words);
            boolean something = false;
            for (int i = 0; i < work.words(); i++) {
                something |= words.getAtIndex(JAVA_INT, i) != 0;
                if (work.floats() && !Float.isFinite(words.getAtIndex(JAVA_FLOAT, i))) {
                    throw new IllegalStateException(name + " gave a number that is not finite: " + words.getAtIndex(JAVA_FLOAT, i));
                }
            }
            if (!something) {
                throw new IllegalStateException(name + " computed nothing: its result is 0 throughout");
            }
        }
    }
}
