package adaspec.cli;

import adaspec.bench.KernelMachine;
import adaspec.bench.KernelReport;
import adaspec.bench.KernelShapes;
import adaspec.bench.KernelTimings;
import adaspec.bench.Measurement;
import adaspec.common.InputException;
import adaspec.device.CudaDevice;
import adaspec.device.Device;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measuring single operations. */
@picocli.CommandLine.Command(
        name = "kernels",
        description = {"The native operations one by one, each at one shape: time, bytes or operations a second, and the share of what memory and"
                        + " arithmetic of the same machine allow, measured in the same run.",
                "With --device auto a GPU where one works, else the processor. --precision changes nothing: each operation has its own types."},
        footerHeading = Command.EXAMPLE,
        footer = "  " + Command.RUN + " bench kernels --operation distill --vocab 151936 --rows 64")
public final class BenchKernelsCommand extends Command {
    private static final int MOST_LOGITS = 1 << 30;
    private static final int HIDDEN_MULTIPLE = 64;

    @Option(names = "--vocab", paramLabel = "V", defaultValue = "50304", description = "Ids of the vocabulary. Default: ${DEFAULT-VALUE}.")
    private int vocabulary;

    @Option(names = "--rows", paramLabel = "N", defaultValue = "256",
            description = "Rows of logits; there are 16 times as many hidden states. Default: ${DEFAULT-VALUE}.")
    private int rows;

    @Option(names = "--hidden", paramLabel = "C", defaultValue = "4096",
            description = "Channels, a multiple of " + HIDDEN_MULTIPLE + ". Default: ${DEFAULT-VALUE}.")
    private int hidden;

    @Option(names = "--context", paramLabel = "N", defaultValue = "8192",
            description = "Positions in the cache that attention decodes by. Default: ${DEFAULT-VALUE}.")
    private int context;

    @Option(names = "--operation", paramLabel = "NAME", description = "Only operations whose name holds NAME; may be repeated. Default: all.")
    private List<String> operations = List.of();

    @Option(names = "--repetitions", paramLabel = "N", defaultValue = "15",
            description = "Repetitions of each operation; the median counts. Default: ${DEFAULT-VALUE}.")
    private int repetitions;

    @Option(names = "--output-json", paramLabel = "F", description = "Where the measurements go as a JSON list; - is standard output.")
    private Path outputJson;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        KernelTimings.Settings settings = settings();
        requireWritable(outputJson);
        String device = devices.device();
        if (device.startsWith("cuda")) {
            try (CudaDevice gpu = CudaDevice.open(DeviceOptions.cudaIndex(device))) {
                measure(settings, KernelMachine.on(gpu));
            }
            return Main.OK;
        }
        if (device.equals("auto")) {
            try (CudaDevice gpu = CudaDevice.open(0)) {
                measure(settings, KernelMachine.on(gpu));
                return Main.OK;
            } catch (CudaDevice.Unusable e) {
                log().println("on the processor, because " + e.reason());
            }
        }
        try (Device processor = Device.open(device, devices.threads())) {
            if (processor.name().equals("reference")) {
                throw new InputException("--device " + device + ": plain Java has no native operations to time; use --device cpu"
                        + processor.notes().stream().map(note -> ", but " + note).reduce("", String::concat));
            }
            measure(settings, KernelMachine.on(processor));
        }
        return Main.OK;
    }

    private void measure(KernelTimings.Settings settings, KernelMachine machine) {
        KernelReport report = new KernelTimings(settings, machine, log()::println).run();
        BenchCommand.write(report.lines(), Measurement.toJson(report.measurements()), outputJson, out());
    }

    private KernelTimings.Settings settings() {
        inRange("--vocab", vocabulary, 1 << 24);
        inRange("--rows", rows, 1 << 16);
        check((long) rows * vocabulary <= MOST_LOGITS,
                "--rows " + rows + " by --vocab " + vocabulary + " is out of range; at most " + MOST_LOGITS + " logits were expected");
        check(hidden >= HIDDEN_MULTIPLE && hidden <= 1 << 15 && hidden % HIDDEN_MULTIPLE == 0,
                "--hidden " + hidden + " is out of range; a multiple of " + HIDDEN_MULTIPLE + " up to 32768 was expected");
        inRange("--context", context, 1 << 20);
        inRange("--repetitions", repetitions, 1000);
        var shapes = new KernelShapes(vocabulary, rows, hidden, context);
        List<String> names = KernelTimings.names(shapes);
        for (String operation : operations) {
            check(names.stream().anyMatch(name -> name.contains(operation)),
                    "--operation " + operation + " names none; there are " + String.join(", ", names));
        }
        return new KernelTimings.Settings(shapes, repetitions, operations);
    }

    private static void inRange(String option, int value, int most) {
        check(value >= 1 && value <= most, option + " " + value + " is out of range; 1 to " + most + " was expected");
    }
}
