package adaspec.text;

import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;

/**
 * Whether two tokenizers are one: the same tokens under the same ids, the same merges, and the same way of cutting text into words before them. The
 * last is tried, on lines that pull the parts of a tokenizer apart and on the texts of all tokens.
 */
public final class TokenizerComparison {
    /** Scripts, digits, white space, controls, joined emoji, letters in two forms, code: each where tokenizers are known to differ. */
    private static final List<String> LINES = List.of(
            "Hello, world! It's 2026; they'll say WE'VE won.",
            "  two  spaces,\ttabs\t\tand\n\nlines \r\n  indented",
            "1 12 123 1234 12345 3.14159 1,000,000 ٣٤٥ ①②",
            "naïve café cafe\u0301 Ångström A\u030angström ﬁnd ½ ²",
            "Привет, мир! Γειά σου שלום عالم नमस्ते 日本語のテキスト 한국어 \u1112\u1161\u11ab",
            "👩\u200d👩\u200d👧 🇩🇪 ❤\ufe0f e\u0301\u0301 \u0000\u0007\u00a0\u2028\u200b",
            "def f(x):\n    return x**2 != 0  # ok\n{\"a\": [1, -2e10]}");

    /** How many tokens' texts are joined to one: each then has neighbours, and there are fewer to encode. */
    private static final int JOINED = 64;

    /** Tokens shown where two lists of ids part. */
    private static final int SHOWN = 2;

    private TokenizerComparison() {}

    /** The first difference, as a part of a sentence that names ids, tokens and files; null if none is found. */
    public static String firstDifference(Tokenizer a, Tokenizer b) {
        String difference = a.firstDifference(b);
        difference = difference != null ? difference : differentMerge(a, b);
        for (int i = 0; difference == null && i < LINES.size(); i++) {
            difference = cutDifferently(LINES.get(i), a, b);
        }
        // All ids mean the same from here on.
        for (int id : difference == null ? a.specialIds() : new int[0]) {
            String token = a.tokenOf(id);
            difference = difference != null ? difference : cutDifferently("x" + token + " " + token + "  " + token + "x", a, b);
        }
        for (int first = 0; difference == null && first < a.size(); first += JOINED) {
            difference = cutDifferently(textsOf(a, first), a, b);
        }
        return difference;
    }

    private static String differentMerge(Tokenizer a, Tokenizer b) {
        JsonNode mergesOfA = Json.readFile(a.name()).path("model").path("merges");
        JsonNode mergesOfB = Json.readFile(b.name()).path("model").path("merges");
        for (int i = 0; i < Math.max(mergesOfA.size(), mergesOfB.size()); i++) {
            String ofA = merge(mergesOfA.path(i));
            String ofB = merge(mergesOfB.path(i));
            if (!ofA.equals(ofB)) {
                return "the tokens are the same, but merge " + i + " is " + ofA + " in " + a.name() + " and " + ofB + " in " + b.name();
            }
        }
        return null;
    }

    /** A merge in words; the file may have it as one string or as a pair. */
    private static String merge(JsonNode node) {
        return node.isMissingNode() ? "missing" : "'" + (node.isArray() ? node.path(0).asText() + " " + node.path(1).asText() : node.asText()) + "'";
    }

    private static String textsOf(Tokenizer tokenizer, int first) {
        StringBuilder text = new StringBuilder();
        for (int id = first; id < Math.min(tokenizer.size(), first + JOINED); id++) {
            if (tokenizer.tokenOf(id) != null) {
                text.append(tokenizer.decode(new int[] {id}));
            }
        }
        return text.toString();
    }

    private static String cutDifferently(String text, Tokenizer a, Tokenizer b) {
        int[] ofA = a.encode(text, false).ids();
        int[] ofB = b.encode(text, false).ids();
        int at = Arrays.mismatch(ofA, ofB);
        return at < 0
                ? null
                : "the tokens are the same, but text is cut differently: " + a.name() + " gives " + shown(a, ofA, at) + " where " + b.name()
                        + " gives " + shown(b, ofB, at);
    }

    private static String shown(Tokenizer tokenizer, int[] ids, int at) {
        StringBuilder shown = new StringBuilder();
        for (int i = at; i < Math.min(ids.length, at + SHOWN); i++) {
            shown.append(i == at ? "" : ", ").append(ids[i]).append(" '").append(tokenizer.tokenOf(ids[i])).append('\'');
        }
        return shown.isEmpty() ? "nothing" : shown.toString();
    }
}
