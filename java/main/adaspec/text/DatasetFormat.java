package adaspec.text;

import adaspec.common.InputException;
import adaspec.common.UsageException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.function.Function;

/**
 * How a JSON object becomes a prompt and its completion. A new format is one more value in {@link #ALL}.
 *
 * @param name as on the command line
 * @param fields that an object of this format has, all strings
 * @param foreign fields whose presence tells, for automatic detection only, that an object is of another format
 */
public record DatasetFormat(String name, List<String> fields, List<String> foreign, Function<JsonNode, Text> read) {
    /** Prompt and completion; an empty prompt means that the whole text is learnt. */
    public record Text(String prompt, String completion) {}

    /**
     * GSM8K as AdaSPEC trains on it: {@code source = question + "\nAnswer the above question. First think step by step and then answer the final
     * number.\n"}, {@code target = answer} with {@code "####"} replaced (the method's published code).
     */
    public static final DatasetFormat GSM8K = new DatasetFormat("gsm8k", List.of("question", "answer"), List.of(), object -> new Text(
            JsonLines.text(object, "question")
                    + "\nAnswer the above question. First think step by step and then answer the final number.\n",
            JsonLines.text(object, "answer").replace("####", "The final answer is: ")));

    /** Plain text: every token but the first is learnt. */
    public static final DatasetFormat TEXT = new DatasetFormat(
            "text", List.of("text"), List.of("code"), object -> new Text("", JsonLines.text(object, "text")));

    public static final List<DatasetFormat> ALL = List.of(GSM8K, TEXT);

    /** The format called {@code name}; null for {@code auto}, which looks at the first line of each file. */
    public static DatasetFormat named(String name) {
        if (name.equals("auto")) {
            return null;
        }
        return ALL.stream().filter(format -> format.name.equals(name)).findFirst().orElseThrow(() -> new UsageException(
                "the dataset format \"" + name + "\" is unknown; known: auto, " + names()));
    }

    static DatasetFormat detect(JsonNode object) {
        return ALL.stream()
                .filter(format -> format.fields.stream().allMatch(object::has) && format.foreign.stream().noneMatch(object::has))
                .findFirst()
                .orElseThrow(() -> new InputException("the format cannot be detected from the fields "
                        + object.properties().stream().map(java.util.Map.Entry::getKey).toList() + "; known: "
                        + String.join(", ", ALL.stream().map(format -> format.name + " " + format.fields).toList())));
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
