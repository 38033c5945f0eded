package adaspec.cli;

import adaspec.common.UsageException;
import adaspec.tensor.DType;
import java.util.Optional;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Where to compute and in which type: a mixin for every command, so that a script can give them to all. */
public final class DeviceOptions {
    /** The line of help of commands that run no model. */
    static final String UNUSED = "No model runs here: --device, --threads and --precision are taken, as everywhere, and change nothing.";

    private static final Pattern DEVICE = Pattern.compile("auto|cpu|reference|cuda(:\\d{1,4})?");

    /** As many as the native library takes. */
    private static final int MOST_THREADS = 4096;

    /** What {@code --precision} can say. */
    enum Precision {
        AUTO,
        F32,
        BF16;

        @Override
        public String toString() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    @Option(names = "--device", paramLabel = "D", defaultValue = "auto", order = 900,
            description = "auto, cpu, cuda[:N] or reference (plain Java, slow). Default: ${DEFAULT-VALUE}.")
    private String device;

    @Option(names = "--threads", paramLabel = "N", order = 901,
            description = "Threads of the processor. Default: all cores. Results do not depend on it.")
    private Integer threads;

    @Option(names = "--precision", paramLabel = "P", defaultValue = "auto", order = 902,
            description = "auto, f32 or bf16. Default: ${DEFAULT-VALUE}. Weights are never rounded silently.")
    private Precision precision;

    /** {@code auto}, {@code cpu}, {@code reference}, {@code cuda} or {@code cuda:N}. */
    String device() {
        if (!DEVICE.matcher(device).matches()) {
            throw new UsageException("--device " + device + " is unknown; auto, cpu, cuda[:N] or reference was expected");
        }
        return device;
    }

    /** N of {@code cuda:N}; 0 of {@code cuda}. */
    static int cudaIndex(String device) {
        String number = device.substring("cuda".length());
        return number.isEmpty() ? 0 : Integer.parseInt(number.substring(1));
    }

    /** From 1 to {@value #MOST_THREADS}. */
    int threads() {
        if (threads == null) {
            return Runtime.getRuntime().availableProcessors();
        }
        if (threads < 1 || threads > MOST_THREADS) {
            throw new UsageException("--threads " + threads + " is out of range; a whole number from 1 to " + MOST_THREADS + " was expected");
        }
        return threads;
    }

    /** For commands that run no model: what is wrong elsewhere is wrong here. */
    void requireValid() {
        device();
        threads();
    }

    /** The type that was asked for; empty for {@code auto}. */
    Optional<DType> precision() {
        return switch (precision) {
            case AUTO -> Optional.empty();
            case F32 -> Optional.of(DType.F32);
            case BF16 -> Optional.of(DType.BF16);
        };
    }
}
