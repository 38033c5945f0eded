package adaspec.cli;

import adaspec.common.UsageException;
import adaspec.engine.Backend;
import adaspec.engine.TeacherCaches;
import adaspec.train.TrainingStopped;
import adaspec.train.cache.CacheContent;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Teacher caches in folders: what {@code distill --teacher-cache DIR} reads, made and looked after apart from a run. */
@picocli.CommandLine.Command(
        name = "cache",
        description = {"Makes, lists, verifies and deletes teacher caches: what the frozen models say about the training samples, asked once.",
                "`distill --teacher-cache DIR` uses what is there and makes what is missing."},
        subcommands = {CacheCommand.Build.class, CacheCommand.ListCaches.class, CacheCommand.Verify.class, CacheCommand.Delete.class},
        footerHeading = Command.EXAMPLE,
        footer = {"  " + Command.RUN + " cache build --target runs/target \\", "    --train-file train.jsonl --teacher-cache runs/cache"})
public final class CacheCommand extends Command {
    @Override
    public Integer call() {
        throw new UsageException("a command is missing after `cache`; there are `build`, `list`, `verify` and `delete`");
    }

    /** Asks the models. */
    @picocli.CommandLine.Command(
            name = "build",
            description = {"Asks the target about all training samples, and with --reference the reference too, and keeps what they say.",
                    "Interrupted at any moment, even killed, the same command goes on where it was.",
                    "The data options must be those of the run that it is for."},
            footerHeading = Command.EXAMPLE,
            footer = {"  " + Command.RUN + " cache build --target runs/target --reference runs/reference \\",
                    "    --train-file train.jsonl --teacher-cache runs/cache"})
    public static final class Build extends Command {
        @Mixin
        private CacheFlags flags;

        @Option(names = "--per-device-train-batch-size", paramLabel = "B", defaultValue = "16", order = 8,
                description = "Samples that the models are asked about together: that of the run, for the same bits. Default: ${DEFAULT-VALUE}.")
        private int batchSize;

        @Mixin
        private DeviceOptions devices;

        @Override
        public Integer call() {
            TeacherCaches.Source source = flags.source();
            TrainingFlags.atLeastOne("--per-device-train-batch-size", batchSize);
            try (var interrupts = Interrupts.listen(log());
                    Backend backend = Backend.open(devices.device(), devices.threads())) {
                backend.notes().forEach(log()::println);
                log().println("device: " + backend.description());
                TeacherCaches.build(source, flags.folder(), batchSize, TrainingFlags.precision(devices), backend, new RunLog(log()), interrupts);
                out().print(TeacherCaches.list(flags.folder(), null).getFirst().describe());
                return Main.OK;
            } catch (TrainingStopped stopped) {
                log().println("interrupted; what was made is in " + stopped.checkpoint() + ": the same command goes on from there");
                return Main.INTERRUPTED;
            }
        }
    }

    /** Says what is there. */
    @picocli.CommandLine.Command(
            name = "list",
            description = {"Says what a cache, or each cache in a folder, was made from, how large it is and whether it is complete.",
                    "With --target and --train-file: only those that are of these models and data.", DeviceOptions.UNUSED},
            footerHeading = Command.EXAMPLE,
            footer = "  " + Command.RUN + " cache list --teacher-cache runs/cache")
    public static final class ListCaches extends Command {
        @Mixin
        private CacheFlags flags;

        @Mixin
        private DeviceOptions devices;

        @Override
        public Integer call() {
            devices.requireValid();
            TeacherCaches.Source source = flags.hasSource() ? flags.source() : null;
            List<CacheContent> caches = TeacherCaches.list(flags.folder(), source);
            caches.forEach(cache -> out().print(cache.describe()));
            if (caches.isEmpty()) {
                log().println("there is no teacher cache " + (source == null ? "" : "of these models and data ") + "in " + flags.folder());
            }
            return Main.OK;
        }
    }

    /** Reads everything again. */
    @picocli.CommandLine.Command(
            name = "verify",
            description = {"Reads a cache and compares it with its hashes.",
                    "With --target and --train-file (and --reference), also asks the models again about some of the samples, in its precision."},
            footerHeading = Command.EXAMPLE,
            footer = {"  " + Command.RUN + " cache verify --target runs/target --reference runs/reference \\",
                    "    --train-file train.jsonl --teacher-cache runs/cache"})
    public static final class Verify extends Command {
        @Mixin
        private CacheFlags flags;

        @Mixin
        private DeviceOptions devices;

        @Override
        public Integer call() {
            TeacherCaches.Source source = flags.hasSource() ? flags.source() : null;
            try (Backend backend = Backend.open(devices.device(), devices.threads())) {
                TeacherCaches.verify(flags.folder(), source, backend, new RunLog(log())).forEach(out()::println);
            }
            return Main.OK;
        }
    }

    /** Gives the room back. */
    @picocli.CommandLine.Command(
            name = "delete",
            description = {"Deletes a cache: its own files, and the folder if nothing else is in it.",
                    "With --target and --train-file: only if it is of these models and data. The KL of every reference goes with it.",
                    DeviceOptions.UNUSED},
            footerHeading = Command.EXAMPLE,
            footer = "  " + Command.RUN + " cache delete --teacher-cache runs/cache")
    public static final class Delete extends Command {
        @Mixin
        private CacheFlags flags;

        @Mixin
        private DeviceOptions devices;

        @Override
        public Integer call() {
            devices.requireValid();
            if (flags.hasSource()) {
                TeacherCaches.requireMatch(flags.folder(), flags.source());
            }
            long bytes = TeacherCaches.delete(flags.folder());
            log().println(String.format(Locale.ROOT, "deleted the teacher cache %s: %,d bytes", flags.folder(), bytes));
            return Main.OK;
        }
    }
}
