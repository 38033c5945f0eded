package adaspec.text;

import adaspec.common.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A BPE tokenizer as Hugging Face's {@code tokenizer.json} describes it, byte-level or SentencePiece-style with byte fallback. Ids are those of
 * the {@code tokenizers} library.
 *
 * <p>Immutable and safe for many threads. Encoding takes time linear in the text but for words of thousands of letters, O(n log n).
 */
public final class Tokenizer {
    private final Parts parts;

    /**
     * What {@link TokenizerJson} found in the file.
     *
     * @param name the file, for sentences
     * @param tokens (size) spelling by id, added tokens included; null where no token has the id
     * @param ids id by spelling
     * @param added by id
     * @param rawTokens those cut out before, {@code normalTokens} those cut out after normalization
     * @param prefix ids before a text, {@code suffix} after it, if special tokens are wanted
     */
    record Parts(
            Path name, String[] tokens, Map<String, Integer> ids, Map<Integer, AddedTokens.Added> added, AddedTokens rawTokens,
            AddedTokens normalTokens, Normalizer normalizer, PreTokenizer preTokenizer, Bpe bpe, TokenDecoder decoder, int[] prefix, int[] suffix,
            OptionalInt endOfText) {}

    Tokenizer(Parts parts) {
        this.parts = parts;
    }

    /**
     * Reads {@code tokenizer.json}: the file itself, or the one in a model directory.
     *
     * @throws InputException if it is missing, malformed, or has a component that this engine does not know; the sentence names it
     */
    public static Tokenizer load(Path directoryOrFile) {
        return new TokenizerJson(directoryOrFile).read();
    }

    /**
     * The tokens of {@code text}.
     *
     * @param addSpecialTokens whether the file's post-processor adds its special tokens around the text
     * @throws InputException if the text has a lone surrogate, which UTF-8 cannot hold
     */
    public Encoding encode(String text, boolean addSpecialTokens) {
        char[] s = text.toCharArray();
        requirePairs(s);
        Encoder encoder = new Encoder(parts, s);
        if (addSpecialTokens) {
            encoder.special(parts.prefix, 0);
        }
        encoder.text();
        if (addSpecialTokens) {
            encoder.special(parts.suffix, s.length);
        }
        return encoder.encoding();
    }

    /** The text of {@code ids}: special tokens kept, spaces as they are; bytes that are not UTF-8 become U+FFFD. Unknown ids are an error. */
    public String decode(int[] ids) {
        StringBuilder text = new StringBuilder();
        TokenDecoder.Run run = parts.decoder.start(text);
        for (int id : ids) {
            requireToken(id);
            run.push(id);
        }
        run.end();
        return text.toString();
    }

    /** Decodes ids as they are generated. */
    public TokenStream stream() {
        return new TokenStream(this);
    }

    /** Highest id + 1, added tokens included: the least vocabulary that a model of this tokenizer needs. */
    public int size() {
        return parts.tokens.length;
    }

    /** The id of a token in the file's spelling (byte-level: a space is {@code Ġ}), or null. */
    public Integer idOf(String token) {
        return parts.ids.get(token);
    }

    /** The token in the file's spelling, or null if no token has the id. */
    public String tokenOf(int id) {
        return id >= 0 && id < size() ? parts.tokens[id] : null;
    }

    /** Whether the file marks the token as special (end of text, padding, ...). */
    public boolean isSpecial(int id) {
        AddedTokens.Added added = parts.added.get(id);
        return added != null && added.special();
    }

    /** The ids of all special tokens, ascending. */
    public int[] specialIds() {
        return parts.added.keySet().stream().filter(this::isSpecial).mapToInt(Integer::intValue).sorted().toArray();
    }

    /** {@code eos_token} of the tokenizer_config.json beside the file; without it {@code <|endoftext|>}, if that is a special token. */
    public OptionalInt endOfText() {
        return parts.endOfText;
    }

    /** SHA-256 in hexadecimal over what the ids mean: every id with its token and whether it is special. Equal means that ids are interchangeable. */
    public String fingerprint() {
        return fingerprint(parts);
    }

    /** The first id that means something else in {@code other}, as a part of a sentence; null if all are equal. */
    public String firstDifference(Tokenizer other) {
        for (int id = 0; id < Math.max(size(), other.size()); id++) {
            if (!java.util.Objects.equals(tokenOf(id), other.tokenOf(id))) {
                return "token " + id + " is " + quoted(tokenOf(id)) + " in " + parts.name + " but " + quoted(other.tokenOf(id)) + " in "
                        + other.parts.name;
            }
            if (isSpecial(id) != other.isSpecial(id)) {
                Tokenizer where = isSpecial(id) ? this : other;
                return "token " + id + " (" + quoted(parts.tokens[id]) + ") is special only in " + where.parts.name;
            }
        }
        return null;
    }

    /** The file, for sentences. */
    Path name() {
        return parts.name;
    }

    TokenDecoder decoder() {
        return parts.decoder;
    }

    void requireToken(int id) {
        if (!parts.decoder.has(id)) {
            throw new InputException("token id " + id + " is not in " + parts.name + ", whose ids go from 0 to " + (size() - 1));
        }
    }

    static void requirePairs(char[] s) {
        for (int i = 0; i < s.length; i++) {
            if (s[i] >= Character.MIN_SURROGATE && s[i] <= Character.MAX_SURROGATE) {
                if (s[i] >= Character.MIN_LOW_SURROGATE || i + 1 == s.length || !Character.isLowSurrogate(s[i + 1])) {
                    throw new InputException(String.format(
                            "the text has a lone surrogate (U+%04X at character %d), which is not valid Unicode; remove it", (int) s[i], i));
                }
                i++;
            }
        }
    }

    private static String quoted(String token) {
        return token == null ? "missing" : "'" + token + "'";
    }

    private static String fingerprint(Parts parts) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            for (int id = 0; id < parts.tokens.length; id++) {
                AddedTokens.Added added = parts.added.get(id);
                String special = added != null && added.special() ? "special" : "plain";
                String line = parts.tokens[id] == null ? "" : id + "\t" + special + "\t" + parts.tokens[id].length() + "\t" + parts.tokens[id] + "\n";
                sha.update(line.getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(sha.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return "Tokenizer(" + parts.name + ", " + size() + " tokens)";
    }
}
