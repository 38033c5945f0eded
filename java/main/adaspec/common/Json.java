package adaspec.common;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** JSON, read strictly: valid UTF-8, no duplicate keys, no trailing text, bounded depth. Thread-safe. */
public final class Json {
    private static final int MOST_DEPTH = 200;

    /** Of a file that is read whole: far above any that is in use, and what memory has room for many times. */
    private static final long MOST_BYTES = 256L << 20;

    /** For building and writing trees. Reading goes through {@link #readFile} and {@link #parse}, whose errors name the place. */
    public static final ObjectMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MOST_DEPTH)
                            .maxStringLength(256 * 1024 * 1024)
                            .build())
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(JsonParser.Feature.AUTO_CLOSE_SOURCE)
            .build();

    private Json() {}

    /** The tree in {@code file}; a file that is missing, no regular file, absurdly large, not UTF-8 or not JSON is one sentence that names it. */
    public static JsonNode readFile(Path file) {
        byte[] bytes;
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                // A pipe would be waited for, and a device has no end.
                throw new InputException(file + (Files.isDirectory(file) ? " is a folder" : " is a pipe or a device") + "; a JSON file was expected");
            }
            if (Files.exists(file) && Files.size(file) > MOST_BYTES) {
                throw new InputException(file + " has " + Files.size(file) + " bytes; a JSON file of at most " + MOST_BYTES + " was expected");
            }
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
        return parse(decodeUtf8(bytes, file.toString()), file.toString());
    }

    /** The tree in {@code text}; {@code where} (a file, or a file and line) begins the sentence of an error. */
    public static JsonNode parse(String text, String where) {
        try {
            JsonNode node = MAPPER.readTree(text);
            if (node == null || node.isMissingNode()) {
                throw new InputException(where + " is empty; JSON was expected");
            }
            return node;
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null
                    ? ""
                    : " at " + (text.contains("\n") ? "line " + e.getLocation().getLineNr() + ", " : "") + "column " + e.getLocation().getColumnNr();
            throw new InputException(where + " is not valid JSON" + place + ": " + plain(e.getOriginalMessage()), e);
        }
    }

    /** Decodes strictly: malformed UTF-8 is an error and is never replaced. */
    public static String decodeUtf8(byte[] bytes, String where) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new InputException(where + " is not valid UTF-8; save it as UTF-8", e);
        }
    }

    /** The parser's reason without its advice for programmers. */
    private static String plain(String message) {
        if (message.startsWith("Trailing token")) {
            return "there is more text after the value";
        }
        if (message.startsWith("Document nesting depth")) {
            return "it is nested more than " + MOST_DEPTH + " deep";
        }
        return message.lines().findFirst().orElse("").replaceFirst(" \\(start marker at .*", "").replaceFirst(": enable `.*", "");
    }
}
