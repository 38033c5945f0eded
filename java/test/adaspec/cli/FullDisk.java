package adaspec.cli;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import adaspec.common.Json;
import adaspec.common.UsageException;
import adaspec.engine.ModelDirectories;
import adaspec.engine.Runs;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.train.Checkpoints;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Runs commands on a disk that becomes full at the first thing that they write, the second, and so on to the last, once for good and once for that
 * moment only (cuda/test/standin/full_disk.c, which must be preloaded). Each time: one sentence that names the place, exit code 1, no file cut short, no
 * temporary file left; and with room again the same command, a run by its last checkpoint, comes to the same end as on a disk that was never full.
 *
 * <pre>{@code FullDisk LIBRARY FOLDER EVERY FIRST [COMMAND...]}</pre> tries each EVERY-th place from FIRST on.
 */
public final class FullDisk {
    private static final Pattern SENTENCE = Pattern.compile("error: .*(No space left on device|Input/output error).*");

    /** Places that a command may write at in one run and not in another: times in its texts are longer or shorter, and so are the pieces written. */
    private static final int SLACK = 4;

    private final MethodHandle arm;
    private final MethodHandle count;
    private final Path out;
    private final int every;
    private final int first;
    /** At how many places the job in hand writes. */
    private long places;

    /** A command that writes below a folder. */
    private record Job(String name, List<String> words, boolean isRun) {}

    private FullDisk(Path library, Path out, int every, int first) {
        SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
        Linker linker = Linker.nativeLinker();
        arm = linker.downcallHandle(symbols.find("full_disk_arm").orElseThrow(), FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_INT));
        count = linker.downcallHandle(symbols.find("full_disk_count").orElseThrow(), FunctionDescriptor.of(JAVA_LONG));
        this.out = out;
        this.every = every;
        this.first = first;
    }

    public static void main(String[] arguments) throws Throwable {
        Path folder = Path.of(arguments[1]).toRealPath();
        List<String> names = List.of(arguments).subList(4, arguments.length);
        try {
            var disk = new FullDisk(Path.of(arguments[0]), folder.resolve("out"), number("EVERY", arguments[2], 1), number("FIRST", arguments[3], 0));
            List<Job> jobs = jobs(folder);
            List<String> known = jobs.stream().map(Job::name).toList();
            for (String name : names) {
                usage(known.contains(name), "no command is called " + name + "; known are " + String.join(", ", known));
            }
            for (Job job : jobs) {
                if (names.isEmpty() || names.contains(job.name)) {
                    System.out.println(disk.tryAll(job));
                }
            }
        } catch (UsageException e) {
            System.err.println("error: " + e.getMessage());
            System.exit(Main.USAGE);
        }
    }

    private static int number(String name, String value, int least) {
        boolean good = value.matches("\\d{1,9}") && Integer.parseInt(value) >= least;
        usage(good, name + " is " + value + ", and a whole number from " + least + " on was expected");
        return Integer.parseInt(value);
    }

    private static void usage(boolean condition, String otherwise) {
        if (!condition) {
            throw new UsageException(otherwise);
        }
    }

    private static List<Job> jobs(Path folder) throws IOException {
        String target = ModelDirectories.write(folder.resolve("target"), 1, 1, DType.F32).toString();
        String draft = ModelDirectories.write(folder.resolve("draft"), 1, 2, DType.BF16).toString();
        String train = ModelDirectories.writeSums(folder.resolve("train.jsonl")).toString();
        String ids = Files.writeString(folder.resolve("ids.jsonl"), "[1, 2, 3]\n[4, 5, 6, 7]\n").toString();
        String texts = Files.writeString(folder.resolve("texts.jsonl"), "\"Tom has 3 apples.\"\n").toString();
        String starts = Files.writeString(folder.resolve("starts.jsonl"), "1\n1\n").toString();
        String out = folder.resolve("out").toString();
        List<String> training = List.of(
                "--train-file", train, "--output-dir", out + "/run", "--max-steps", "2", "--save-steps", "1", "--save-total-limit", "1", "--eval-steps",
                "1", "--logging-steps", "1", "--per-device-train-batch-size", "2", "--device", "reference", "--overwrite");
        return List.of(
                new Job("distill", joined(List.of("distill", "--target", target, "--draft", draft, "--num-prompts", "1", "--max-new-tokens", "2"), training),
                        true),
                new Job("distill-cached", joined(List.of("distill", "--target", target, "--draft", draft, "--num-prompts", "1", "--max-new-tokens", "2",
                        "--teacher-cache", out + "/cache"), training), true),
                new Job("sft", joined(List.of("sft", "--model", draft), training), true),
                new Job("init", List.of("init", "--config", draft + "/config.json", "--tokenizer", draft, "--output", out + "/new"), false),
                new Job("tokenizer", List.of("tokenizer", "train", "--files", train, "--vocab-size", "300", "--output", out + "/tokenizer"), false),
                new Job("tokenize", List.of("tokenize", "--tokenizer", target, "--input-file", texts, "--output", out + "/ids.jsonl"), false),
                new Job("generate", List.of("generate", "--target", target, "--prompt", "Tom", "--max-new-tokens", "4", "--device", "reference",
                        "--output-json", out + "/text.jsonl"), false),
                new Job("score", List.of("score", "--model", target, "--token-ids-file", ids, "--device", "reference", "--output", out + "/scores.jsonl"),
                        false),
                new Job("select", List.of("select", "--target", target, "--draft", draft, "--reference", draft, "--token-ids-file", ids,
                        "--loss-start-file", starts, "--device", "reference", "--output", out + "/selection.jsonl"), false));
    }

    private static List<String> joined(List<String> a, List<String> b) {
        return Stream.concat(a.stream(), b.stream()).toList();
    }

    private String tryAll(Job job) throws Throwable {
        Checkpoints.deleteTree(out);
        SortedMap<String, String> whole = run(job, -1, false, false, null);
        usage(places > 0, job.name + " was seen to write nowhere; the library has to be preloaded (LD_PRELOAD)");
        usage(first < places, job.name + " writes at " + places + " places, and FIRST is " + first + "; a number below was expected");
        int tried = 0;
        int survived = 0;
        for (long at = first; at < places; at += every) {
            for (boolean forever : new boolean[] {true, false}) {
                Checkpoints.deleteTree(out);
                survived += run(job, at, forever, false, whole) == null ? 0 : 1;
                tried++;
            }
        }
        return String.format(Locale.ROOT, "%-15s writes at %4d places; %4d times a full disk, %3d of them survived, none lost anything",
                job.name, places, tried, survived);
    }

    /**
     * @param at    what fails; negative: nothing
     * @param whole what must be there in the end; null: not known yet
     * @return what is there in the end, null if the command failed first and was repeated
     */
    private SortedMap<String, String> run(Job job, long at, boolean forever, boolean again, SortedMap<String, String> whole) throws Throwable {
        Files.createDirectories(out);
        Path config = out.resolve("run/config.yaml");
        List<String> words = again && job.isRun && Files.exists(config)
                ? List.of(job.words.getFirst(), "--resume-from-checkpoint", "latest", "--output-dir", out.resolve("run").toString())
                : job.words;
        arm(out.toString(), at, forever);
        Line line = Line.run(words.toArray(String[]::new));
        long seen = (long) count.invokeExact();
        arm("", -1, false);
        if (whole == null) {
            places = seen;
        }
        String where = job.name + ", full at " + at + (forever ? " for good" : " once") + (again ? ", repeated" : "") + ": ";
        require(at < 0 || seen > at || at >= places - SLACK, where + "it was never reached");
        requireNothingHalf(where + line.log());
        if (line.code() != Main.OK) {
            require(at >= 0, where + line.log());
            List<String> errors = line.log().lines().filter(l -> l.startsWith("error: ")).toList();
            require(line.code() == Main.FAILED && errors.size() == 1, where + "exit code " + line.code() + "\n" + line.log());
            require(SENTENCE.matcher(errors.getFirst()).matches() && errors.getFirst().contains(out.toString())
                    && !line.log().contains("internal error"), where + line.log());
            run(job, -1, false, true, whole);
            return null;
        }
        SortedMap<String, String> there = Runs.content(out);
        require(whole == null || there.equals(whole), where + "\nwhole: " + whole + "\nthere: " + there);
        return there;
    }

    private void arm(String folder, long at, boolean forever) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            arm.invokeExact(arena.allocateFrom(folder), at, forever ? 1 : 0);
        }
    }

    /** No temporary file; and whatever has its name is whole. */
    private void requireNothingHalf(String where) throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> walk = Files.walk(out)) {
            walk.forEach(files::add);
        }
        for (Path file : files) {
            require(!file.toString().endsWith(".tmp"), where + "\nleft behind: " + file);
            if (Files.isRegularFile(file) && file.toString().endsWith(".json")) {
                Json.readFile(file);
            } else if (Files.isRegularFile(file) && file.toString().endsWith(".safetensors")) {
                Safetensors.open(file).close();
            }
        }
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }
}
