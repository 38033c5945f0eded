package adaspec.text;

/**
 * A text as tokens.
 *
 * <p>All three arrays have length {@code n}. Token {@code i} stands for {@code text.substring(starts[i], ends[i])}: Java string indexes, spaces
 * included ({@code trim_offsets} of the file is not applied). A token that holds a part of a character reports the whole character, and a token from
 * composed (NFC) characters all characters that were composed, so neighbours may overlap but {@code starts} never decreases. Special
 * tokens that the post-processor adds have an empty range: at 0 before the text and at {@code text.length()} after it.
 */
public record Encoding(int[] ids, int[] starts, int[] ends) {
    public int length() {
        return ids.length;
    }
}
