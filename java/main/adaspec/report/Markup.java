package adaspec.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Set;

/**
 * Writes markup that browsers read as HTML and parsers as XML: every element is closed, every text escaped. Texts come from users' data, so what
 * could steer a reader is made visible: control characters, lone surrogates and marks of direction are written as {@code \}{@code u001b}.
 */
final class Markup {
    /** What is written without an end tag; a browser takes {@code <div/>} for an open element, but not these. */
    private static final Set<String> EMPTY = Set.of("meta", "line", "rect", "circle", "path", "polyline");

    private final StringBuilder out = new StringBuilder("<!DOCTYPE html>\n");
    private final Deque<String> open = new ArrayDeque<>();

    /** Begins an element. @param attributes names and values in turn */
    Markup open(String element, String... attributes) {
        start(element, attributes).append('>');
        open.push(element);
        return this;
    }

    /** Ends the innermost element. */
    Markup close() {
        out.append("</").append(open.pop()).append('>');
        return this;
    }

    /** An element without content. */
    Markup empty(String element, String... attributes) {
        if (!EMPTY.contains(element)) {
            throw new IllegalArgumentException("<" + element + "> has an end tag");
        }
        start(element, attributes).append("/>");
        return this;
    }

    /** An element with a text. */
    Markup leaf(String element, String text, String... attributes) {
        return open(element, attributes).text(text).close();
    }

    Markup text(String text) {
        escape(text, out);
        return this;
    }

    /** A style sheet. Browsers read it as it is and parsers do not, so it may hold nothing that one of them would take for markup. */
    Markup style(String css) {
        if (css.matches("(?s).*[&<>\"].*")) {
            throw new IllegalArgumentException("a style sheet with &, <, > or a quotation mark");
        }
        out.append("<style>").append(css).append("</style>\n");
        return this;
    }

    /** A line break between elements, for those who read the source. */
    Markup line() {
        out.append('\n');
        return this;
    }

    /** The document; every element must be closed. */
    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("<" + open.peek() + "> is open");
        }
        return out.append('\n').toString();
    }

    private StringBuilder start(String element, String... attributes) {
        out.append('<').append(element);
        for (int i = 0; i < attributes.length; i += 2) {
            out.append(' ').append(attributes[i]).append("=\"");
            escape(attributes[i + 1], out);
            out.append('"');
        }
        return out;
    }

    private static void escape(String text, StringBuilder out) {
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                default -> {
                    if (isHidden(c)) {
                        out.append(String.format(Locale.ROOT, "\\u%04x", c));
                    } else if (i == 0 && isMark(c)) {
                        // Written as it is, it would join the bracket before it.
                        out.append(String.format(Locale.ROOT, "&#x%x;", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
            i += Character.charCount(c);
        }
    }

    /** Characters that XML does not allow, and those that act on their surroundings instead of being seen. */
    private static boolean isHidden(int c) {
        return Character.isISOControl(c) && c != '\n' && c != '\t'
                || c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE
                || c == 0xFFFE || c == 0xFFFF
                || c == 0x061C || c >= 0x200E && c <= 0x200F || c >= 0x2028 && c <= 0x202E || c >= 0x2066 && c <= 0x2069;
    }

    private static boolean isMark(int c) {
        int type = Character.getType(c);
        return type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK || type == Character.COMBINING_SPACING_MARK;
    }
}
