package adaspec.text.problems;

import adaspec.common.Json;
import java.util.List;
import java.util.regex.Pattern;

/**
 * An arithmetic word problem and its worked answer, in GSM8K's form.
 *
 * @param kind     what is asked, such as {@code change} or {@code bus}: reports group by it
 * @param question ends with a question mark
 * @param answer   steps, a line each, whose arithmetic is written {@code 3*4 = <<3*4=12>>12}, then {@code #### } and the result
 * @param numbers  the numbers that the question gives, in the order in which the kind declares them
 */
public record Problem(String kind, String question, String answer, List<Integer> numbers) {
    private static final Pattern DIGITS = Pattern.compile("\\d+");

    /** The numbers that the question writes in digits, in order: those of {@link #numbers} but the ones it words, such as "twice" and "a third". */
    public List<Integer> digits() {
        return DIGITS.matcher(question).results().map(match -> Integer.valueOf(match.group())).toList();
    }

    /**
     * Whether the problem's numbers, and also those in digits alone, are {@code split}'s. Where the two belong to different splits the problem is
     * none's, so splits are disjoint in both readings of "the numbers of a problem".
     */
    boolean in(Split split) {
        return Split.of(numbers) == split && Split.of(digits()) == split;
    }

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
