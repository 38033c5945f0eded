package adaspec.common;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.DocumentStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.MappingEndEvent;
import org.yaml.snakeyaml.events.MappingStartEvent;
import org.yaml.snakeyaml.events.NodeEvent;
import org.yaml.snakeyaml.events.ScalarEvent;
import org.yaml.snakeyaml.events.SequenceEndEvent;
import org.yaml.snakeyaml.events.SequenceStartEvent;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;

/**
 * YAML of one level: {@code key: value}, where a value is a scalar or a list of scalars. Scalars are read as they are written; what type one has is
 * for the reader of the key to say, so that {@code on} stays a word and {@code 3e-4} needs no point.
 *
 * <p>Only the parser's events are read: nothing is constructed, and anchors, aliases and tags are refused.
 */
public final class FlatYaml {
    private static final int MOST_BYTES = 1 << 20;
    private static final Pattern PLAIN = Pattern.compile("-?[0-9][0-9.]*([eE][-+]?[0-9]+)?|[A-Za-z/][A-Za-z0-9_./+-]*");
    /** What YAML 1.1 takes for something else than a word. */
    private static final Pattern NOT_A_WORD = Pattern.compile("(?i)y|n|yes|no|on|off|null");

    /**
     * @param line   of the file, from 1
     * @param values one for a scalar; none for a key without a value
     * @param isList whether it was written as a list
     */
    public record Entry(int line, List<String> values, boolean isList) {}

    private FlatYaml() {}

    /** The entries of {@code file} in their order; anything but one level of keys is one sentence that names the line. */
    public static Map<String, Entry> read(Path file) {
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new InputException(file + " is larger than " + (MOST_BYTES >> 20) + " MB; a file of settings was expected");
            }
            return parse(Json.decodeUtf8(Files.readAllBytes(file), file.toString()), file.toString());
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    /** @param where begins the sentence of an error */
    static Map<String, Entry> parse(String text, String where) {
        Map<String, Entry> entries = new LinkedHashMap<>();
        try {
            var parser = new ParserImpl(new StreamReader(text), new LoaderOptions());
            Iterator<Event> events = new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return parser.peekEvent() != null;
                }

                @Override
                public Event next() {
                    Event event = parser.getEvent();
                    refuse(event instanceof AliasEvent || event instanceof NodeEvent node && node.getAnchor() != null, event, where,
                            "anchors and aliases are not read");
                    refuse(tag(event) != null, event, where, "the tag " + tag(event) + " is not read; leave it out");
                    return event;
                }
            };
            boolean seen = false;
            while (events.hasNext()) {
                Event event = events.next();
                refuse(seen && event instanceof DocumentStartEvent, event, where, "there is a second document");
                seen |= event instanceof DocumentStartEvent;
                if (event instanceof MappingStartEvent) {
                    readMapping(events, where, entries);
                } else {
                    boolean empty = event instanceof ScalarEvent scalar && scalar.getValue().isEmpty();
                    boolean other = event instanceof SequenceStartEvent || event instanceof ScalarEvent && !empty;
                    refuse(other, event, where, "lines of `key: value` were expected");
                }
            }
            return entries;
        } catch (MarkedYAMLException e) {
            throw new InputException(where + ", line " + (e.getProblemMark().getLine() + 1) + ": " + e.getProblem(), e);
        } catch (YAMLException e) {
            throw new InputException(where + " is not valid YAML: " + e.getMessage().lines().findFirst().orElse(""), e);
        }
    }

    private static void readMapping(Iterator<Event> events, String where, Map<String, Entry> entries) {
        for (Event event = events.next(); !(event instanceof MappingEndEvent); event = events.next()) {
            refuse(!(event instanceof ScalarEvent), event, where, "a word was expected as the key");
            String key = ((ScalarEvent) event).getValue();
            int line = event.getStartMark().getLine() + 1;
            refuse(entries.containsKey(key), event, where, key + " is there twice");
            Event value = events.next();
            if (value instanceof ScalarEvent scalar) {
                boolean empty = scalar.isPlain() && List.of("", "null", "~").contains(scalar.getValue());
                entries.put(key, new Entry(line, empty ? List.of() : List.of(scalar.getValue()), false));
                continue;
            }
            refuse(!(value instanceof SequenceStartEvent), value, where, key + " has keys of its own; a value or a list of values was expected");
            List<String> values = new ArrayList<>();
            for (Event item = events.next(); !(item instanceof SequenceEndEvent); item = events.next()) {
                refuse(!(item instanceof ScalarEvent), item, where, "a list of plain values was expected for " + key);
                values.add(((ScalarEvent) item).getValue());
            }
            entries.put(key, new Entry(line, List.copyOf(values), true));
        }
    }

    /** What stands before a value to say its type, or null. */
    private static String tag(Event event) {
        return switch (event) {
            case ScalarEvent scalar -> scalar.getTag();
            case CollectionStartEvent collection -> collection.getTag();
            default -> null;
        };
    }

    private static void refuse(boolean wrong, Event at, String where, String sentence) {
        if (wrong) {
            throw new InputException(where + ", line " + (at.getStartMark().getLine() + 1) + ": " + sentence);
        }
    }

    /** {@code value} as a scalar that every reader of YAML takes for the same text or number. */
    public static String scalar(Object value) {
        String text = value.toString();
        boolean plain = !(value instanceof String) || PLAIN.matcher(text).matches() && !NOT_A_WORD.matcher(text).matches();
        // Quoted as JSON, which is YAML too.
        return plain ? text : Json.MAPPER.getNodeFactory().textNode(text).toString();
    }
}
