package adaspec.text;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads a file of one JSON value a line. Whatever is wrong is one sentence that names file and line. */
public final class JsonLines {
    /** Of one line: what is longer is no data but a damaged file, or a device without an end. */
    private static final int MOST_BYTES = 256 << 20;

    private JsonLines() {}

    /** Sees the lines in order. */
    @FunctionalInterface
    public interface Visitor {
        /** @param where file and line in words, as errors name them; what is thrown as {@link InputException} gets it in front. */
        void line(JsonNode value, int line, String where);
    }

    /** What to do with lines of nothing but white space. */
    public enum Blank {
        SKIP,
        REFUSE
    }

    /**
     * Visits every line; a byte order mark at the beginning is skipped.
     *
     * @return lines visited
     * @throws InputException if the file cannot be read, is empty, or has a line that is not UTF-8, not JSON or not accepted by the visitor
     */
    public static int read(Path file, Blank blank, Visitor visitor) {
        int visited = 0;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            int line = 0;
            for (int b = in.read(); b >= 0 || bytes.size() > 0; b = b < 0 ? b : in.read()) {
                if (b >= 0 && b != '\n') {
                    if (bytes.size() == MOST_BYTES) {
                        throw new InputException(
                                file + " line " + (line + 1) + " is longer than " + MOST_BYTES + " bytes; one JSON value a line was expected");
                    }
                    bytes.write(b);
                    continue;
                }
                visited += visit(bytes.toByteArray(), ++line, file, blank, visitor);
                bytes.reset();
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
        if (visited == 0) {
            throw new InputException(file + " is empty; one JSON value a line was expected");
        }
        return visited;
    }

    private static int visit(byte[] bytes, int line, Path file, Blank blank, Visitor visitor) {
        String where = file + " line " + line;
        String text = Json.decodeUtf8(bytes, where);
        if (line == 1 && text.startsWith("\uFEFF")) {
            text = text.substring(1);
        }
        if (text.isBlank() && blank == Blank.SKIP) {
            return 0;
        }
        JsonNode value = Json.parse(text.isBlank() ? "" : text, where);
        try {
            visitor.line(value, line, where);
        } catch (InputException e) {
            throw new InputException(where + ": " + e.getMessage(), e);
        }
        return 1;
    }

    /** The text of {@code object[field]}. */
    static String text(JsonNode object, String field) {
        JsonNode value = object.get(field);
        if (value == null || !value.isTextual()) {
            throw new InputException((value == null ? "the field \"" + field + "\" is missing" : "the field \"" + field + "\" is not a string")
                    + "; an object with it was expected");
        }
        return value.asText();
    }
}
