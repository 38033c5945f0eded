package adaspec.text.problems;

import adaspec.common.Json;
import java.util.List;

/**
 * An arithmetic word problem and its worked answer, in GSM8K's form.
 *
 * @param kind     what is asked, such as {@code change} or {@code bus}: reports group by it
 * @param question ends with a question mark
 * @param answer   steps, a line each, whose arithmetic is written {@code 3*4 = <<3*4=12>>12}, then {@code #### } and the result
 * @param numbers  the numbers that the question gives, in the order in which the kind declares them
 */
public record Problem(String kind, String question, String answer, List<Integer> numbers) {

    /** One line of JSON with question, answer and kind, without a line end. Readers of GSM8K's format ignore the kind. */
    public String toJson() {
        return Json.MAPPER
                .createObjectNode()
                .put("question", question)
                .put("answer", answer)
                .put("kind", kind)
                .toString();
    }
}
