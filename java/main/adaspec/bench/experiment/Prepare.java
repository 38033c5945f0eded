package adaspec.bench.experiment;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.Sha256;
import adaspec.common.UsageException;
import adaspec.text.DatasetFormat;
import adaspec.text.JsonLines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Makes the experiment's data out of a folder of public data:
 * <pre>
 * java -cp adaspec-engine.jar adaspec.bench.experiment.Prepare VALIDATION DISTILL TEST DATA OUTPUT
 * </pre>
 *
 * <p>DATA holds a folder for each of {@link Task#ALL} that is there, and texts in {@code text}. OUTPUT gets for each task {@code train.jsonl},
 * {@code validation.jsonl} (VALIDATION samples out of the training file, at most a tenth: settings are chosen on them), {@code distill.jsonl} (the
 * first DISTILL of what is left) and {@code test.jsonl} (the first TEST of the test file); {@code pretrain.jsonl}, all texts and the training samples
 * of all tasks as plain text; and {@code data.tsv}, what was counted: task, part, lines, characters of their texts. Lines are kept as they are, and
 * ordered by a hash of their text, so that a part of a file is a sample of it; the same data give the same bytes.
 *
 * <p>Beside validation and test lie their prompts, {@code validation.prompts.jsonl} and {@code test.prompts.jsonl}, for {@code generate}.
 *
 * <p>Nothing with a test file's prompt is trained on, whichever task it comes from, and nothing held out is pretrained on.
 */
public final class Prepare {
    /** Of a prompt that is evaluated or trained on, in characters: about 750 tokens, which leaves room to answer within 1,024 positions. */
    static final int LONGEST_PROMPT = 2400;

    /** Plain texts are cut into pieces of about this many characters, at the end of a paragraph where there is one. */
    static final int PIECE = 1500;

    private static final String USAGE = "usage: Prepare VALIDATION DISTILL TEST DATA OUTPUT";

    /** A line of a task's file. */
    private record Item(String json, DatasetFormat.Text text, String hash) {}

    private Prepare() {}

    /** Says nothing; what is wrong ends the process with exit code 1 and one sentence. */
    public static void main(String[] arguments) {
        try {
            if (arguments.length != 5) {
                throw new UsageException(USAGE);
            }
            run(Path.of(arguments[3]), Path.of(arguments[4]), number(arguments[0]), number(arguments[1]), number(arguments[2]));
        } catch (InputException e) {
            e.setStackTrace(new StackTraceElement[0]);
            throw e;
        }
    }

    private static int number(String argument) {
        if (!argument.matches("[1-9]\\d{0,8}")) {
            throw new UsageException(argument + " is not a number above 0; " + USAGE);
        }
        return Integer.parseInt(argument);
    }

    /** What {@link #main} does. */
    static void run(Path data, Path output, int validation, int distill, int test) {
        List<Task> tasks = Task.ALL.stream().filter(task -> Files.exists(data.resolve(task.name()).resolve("train.jsonl"))).toList();
        if (tasks.isEmpty()) {
            throw new InputException("there is no task in " + data + "; a folder such as " + data.resolve(Task.ALL.getFirst().name())
                    + " with train.jsonl and test.jsonl was expected");
        }
        Set<String> tested = new HashSet<>();
        for (Task task : tasks) {
            read(data, task, "test.jsonl").forEach(item -> tested.add(item.text.prompt()));
        }
        var counts = new StringBuilder();
        List<String> pretraining = new ArrayList<>();
        for (Task task : tasks) {
            List<Item> all = read(data, task, "train.jsonl");
            List<Item> fitting = new ArrayList<>(all);
            fitting.removeIf(item -> tested.contains(item.text.prompt()));
            count(counts, task, "train file", all);
            count(counts, task, "train file without what is tested", fitting);
            fitting.removeIf(item -> item.text.prompt().length() > LONGEST_PROMPT);
            fitting.sort(Comparator.comparing(Item::hash));
            int held = Math.clamp(fitting.size() / 10, 1, validation);
            List<Item> train = fitting.subList(held, fitting.size());
            List<Item> tests = read(data, task, "test.jsonl");
            count(counts, task, "test file", tests);
            tests.removeIf(item -> item.text.prompt().length() > LONGEST_PROMPT);
            tests.sort(Comparator.comparing(Item::hash));
            write(output, task, "validation", fitting.subList(0, held), counts);
            write(output, task, "train", train, counts);
            write(output, task, "distill", train.subList(0, Math.min(distill, train.size())), counts);
            count(counts, task, "test file, prompts that fit", tests);
            write(output, task, "test", tests.subList(0, Math.min(test, tests.size())), counts);
            train.forEach(item -> pretraining.add(plain(item.text)));
        }
        int samples = pretraining.size();
        pretraining.addAll(texts(data.resolve("text")));
        pretraining.sort(Comparator.comparing(Sha256::ofText));
        var lines = new StringBuilder();
        pretraining.forEach(text -> lines.append(Json.MAPPER.createObjectNode().put("text", text)).append('\n'));
        AtomicFile.writeString(output.resolve("pretrain.jsonl"), lines.toString());
        counts.append("pretrain\tsamples of tasks\t").append(samples).append("\t\n");
        counts.append("pretrain\tpieces of texts\t").append(pretraining.size() - samples).append("\t\n");
        long characters = pretraining.stream().mapToLong(String::length).sum();
        counts.append("pretrain\tpretrain\t").append(pretraining.size()).append('\t').append(characters).append('\n');
        AtomicFile.writeString(output.resolve("data.tsv"), counts.toString());
    }

    private static void count(StringBuilder counts, Task task, String part, List<Item> items) {
        long characters = items.stream().mapToLong(item -> item.text.prompt().length() + item.text.completion().length()).sum();
        counts.append(task.name()).append('\t').append(part).append('\t').append(items.size()).append('\t').append(characters).append('\n');
    }

    private static List<Item> read(Path data, Task task, String file) {
        List<Item> items = new ArrayList<>();
        JsonLines.read(data.resolve(task.name()).resolve(file), JsonLines.Blank.SKIP, (json, line, where) -> {
            DatasetFormat.Text text = task.format().of(json);
            items.add(new Item(json.toString(), text, Sha256.ofText(text.prompt() + text.completion())));
        });
        return items;
    }

    private static void write(Path output, Task task, String name, List<Item> items, StringBuilder counts) {
        Path folder = output.resolve(task.name());
        var lines = new StringBuilder();
        var prompts = new StringBuilder();
        for (Item item : items) {
            lines.append(item.json).append('\n');
            prompts.append(Json.MAPPER.createObjectNode().put("prompt", item.text.prompt())).append('\n');
        }
        AtomicFile.writeString(folder.resolve(name + ".jsonl"), lines.toString());
        if (name.equals("validation") || name.equals("test")) {
            AtomicFile.writeString(folder.resolve(name + ".prompts.jsonl"), prompts.toString());
        }
        count(counts, task, name, items);
    }

    /** A sample as a text to read; an end of text that a completion spells out is left to the engine, which ends every text. */
    private static String plain(DatasetFormat.Text text) {
        return text.prompt() + text.completion().replace("<|endoftext|>", "");
    }

    /** Pieces of all files under {@code folder}; none where there is none. */
    private static List<String> texts(Path folder) {
        List<String> pieces = new ArrayList<>();
        if (!Files.isDirectory(folder)) {
            return pieces;
        }
        try (var files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                if (file.toString().endsWith(".jsonl")) {
                    JsonLines.read(
                            file, JsonLines.Blank.SKIP, (json, line, where) -> pieces.addAll(pieces(DatasetFormat.TEXT.of(json).completion())));
                } else {
                    pieces.addAll(pieces(Json.decodeUtf8(Files.readAllBytes(file), file.toString())));
                }
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + folder + ": " + AtomicFile.reason(e), e);
        }
        return pieces;
    }

    /** {@code text} in pieces: whole paragraphs until one is long enough; a paragraph that is too long itself is cut at a space. */
    static List<String> pieces(String text) {
        List<String> pieces = new ArrayList<>();
        int start = 0;
        while (start < text.length()) {
            int end = text.length();
            if (end - start > PIECE * 4 / 3) {
                int cut = text.lastIndexOf("\n\n", start + PIECE);
                if (cut <= start + PIECE / 3) {
                    cut = text.lastIndexOf(' ', start + PIECE);
                }
                end = cut <= start + PIECE / 3 ? Character.isLowSurrogate(text.charAt(start + PIECE)) ? start + PIECE - 1 : start + PIECE : cut;
            }
            String piece = text.substring(start, end).strip();
            if (!piece.isEmpty()) {
                pieces.add(piece);
            }
            start = end;
        }
        return pieces;
    }
}
