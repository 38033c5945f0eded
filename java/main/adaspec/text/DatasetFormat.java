package adaspec.text;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.function.Function;

/**
 * How a JSON object becomes a prompt and its completion. A new format is one more value in {@link #ALL}.
 *
 * <p>Prompt and completion are one text with nothing between them but what a format's template says, and are encoded as one. The method publishes a
 * template for GSM8K alone; the others are the field's usual ones.
 *
 * @param name as on the command line
 * @param fields that an object of this format has, all strings; it may have more
 */
public record DatasetFormat(String name, List<String> fields, Function<JsonNode, Text> read) {
    /** Prompt and completion; an empty prompt means that the whole text is learnt. */
    public record Text(String prompt, String completion) {}

    /**
     * GSM8K as AdaSPEC trains on it: {@code source = question + "\nAnswer the above question. First think step by step and then answer the final
     * number.\n"}, {@code target = answer} with {@code "####"} replaced (the method's published code).
     */
    public static final DatasetFormat GSM8K = new DatasetFormat("gsm8k", List.of("question", "answer"), object -> new Text(
            JsonLines.text(object, "question")
                    + "\nAnswer the above question. First think step by step and then answer the final number.\n",
            JsonLines.text(object, "answer").replace("####", "The final answer is: ")));

    /** MBPP: the description of the task and a line end; then the code, with the line ends it has. The tests of a task are not shown. */
    public static final DatasetFormat MBPP = new DatasetFormat(
            "mbpp", List.of("text", "code"), object -> new Text(JsonLines.text(object, "text") + "\n", JsonLines.text(object, "code")));

    /** Instructions in Stanford Alpaca's template (its train.py), which has a part for the input where that is not empty. */
    public static final DatasetFormat ALPACA = new DatasetFormat(
            "alpaca", List.of("instruction", "input", "output"), DatasetFormat::alpaca);

    /** Whatever has its prompt ready, such as summaries and instructions of many tasks: the two fields as they are. */
    public static final DatasetFormat PROMPT_COMPLETION = new DatasetFormat("prompt-completion", List.of("prompt", "completion"), object -> new Text(
            JsonLines.text(object, "prompt"), JsonLines.text(object, "completion")));

    /** Plain text: every token but the first is learnt. */
    public static final DatasetFormat TEXT = new DatasetFormat(
            "text", List.of("text"), object -> new Text("", JsonLines.text(object, "text")));

    public static final List<DatasetFormat> ALL = List.of(GSM8K, MBPP, ALPACA, PROMPT_COMPLETION, TEXT);

    private static Text alpaca(JsonNode object) {
        String input = JsonLines.text(object, "input");
        return new Text(
                "Below is an instruction that describes a task"
                        + (input.isEmpty() ? ". " : ", paired with an input that provides further context. ")
                        + "Write a response that appropriately completes the request.\n\n### Instruction:\n"
                        + JsonLines.text(object, "instruction")
                        + (input.isEmpty() ? "" : "\n\n### Input:\n" + input)
                        + "\n\n### Response:",
                JsonLines.text(object, "output"));
    }

    /** The format called {@code name}; null for {@code auto}, which looks at the first line of each file. */
    public static DatasetFormat named(String name) {
        if (name.equals("auto")) {
            return null;
        }
        return ALL.stream().filter(format -> format.name.equals(name)).findFirst().orElseThrow(() -> new UsageException(
                "the dataset format \"" + name + "\" is unknown; known: auto, " + names()));
    }

    /** The one format whose fields the object has. A text beside the fields of another format does not make it plain text. */
    static DatasetFormat detect(JsonNode object) {
        List<DatasetFormat> fitting = ALL.stream().filter(format -> format.fields.stream().allMatch(object::has)).toList();
        if (fitting.isEmpty()) {
            throw new InputException("the format cannot be detected from the fields "
                    + object.properties().stream().map(java.util.Map.Entry::getKey).toList() + "; known: "
                    + String.join(", ", ALL.stream().map(format -> format.name + " " + format.fields).toList()));
        }
        List<DatasetFormat> told = fitting.stream().filter(format -> format != TEXT).toList();
        if (told.size() > 1) {
            throw new InputException("the fields fit more than one format (" + String.join(", ", told.stream().map(DatasetFormat::name).toList())
                    + "); say which one with --dataset-format");
        }
        return told.isEmpty() ? TEXT : told.getFirst();
    }

    /** Prompt and completion of a line of this format; {@link InputException} where a field is missing. */
    public Text of(JsonNode object) {
        if (!object.isObject()) {
            throw new InputException("a JSON object was expected");
        }
        return read.apply(object);
    }

    private static String names() {
        return String.join(", ", ALL.stream().map(DatasetFormat::name).toList());
    }

    @Override
    public String toString() {
        return name;
    }
}
