package adaspec.text;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** The properties of characters that regular expressions name, as Oniguruma has them. */
final class UnicodeProperties {
    private static final Map<String, CodePoints> FOUND = new ConcurrentHashMap<>();

    /** Every general category by its short name's number in {@link Character}. */
    private static final String[] CATEGORIES = {
        "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "", "Co", "Cs", "Pd", "Ps",
        "Pe", "Pc", "Po", "Sm", "Sc", "Sk", "So", "Pi", "Pf",
    };

    private static final Map<String, String> LONG_NAMES = Map.ofEntries(
            Map.entry("letter", "L"), Map.entry("uppercaseletter", "Lu"), Map.entry("lowercaseletter", "Ll"),
            Map.entry("titlecaseletter", "Lt"), Map.entry("modifierletter", "Lm"), Map.entry("otherletter", "Lo"), Map.entry("mark", "M"),
            Map.entry("nonspacingmark", "Mn"), Map.entry("spacingmark", "Mc"), Map.entry("enclosingmark", "Me"), Map.entry("number", "N"),
            Map.entry("decimalnumber", "Nd"), Map.entry("letternumber", "Nl"), Map.entry("othernumber", "No"), Map.entry("punctuation", "P"),
            Map.entry("connectorpunctuation", "Pc"), Map.entry("dashpunctuation", "Pd"), Map.entry("openpunctuation", "Ps"),
            Map.entry("closepunctuation", "Pe"), Map.entry("initialpunctuation", "Pi"), Map.entry("finalpunctuation", "Pf"),
            Map.entry("otherpunctuation", "Po"), Map.entry("symbol", "S"), Map.entry("mathsymbol", "Sm"), Map.entry("currencysymbol", "Sc"),
            Map.entry("modifiersymbol", "Sk"), Map.entry("othersymbol", "So"), Map.entry("separator", "Z"), Map.entry("spaceseparator", "Zs"),
            Map.entry("lineseparator", "Zl"), Map.entry("paragraphseparator", "Zp"), Map.entry("other", "C"), Map.entry("control", "Cc"),
            Map.entry("format", "Cf"), Map.entry("privateuse", "Co"), Map.entry("unassigned", "Cn"));

    /** All that simple case folding changes. */
    private static final int[] FOLDING = IntStream.rangeClosed(0, Character.MAX_CODE_POINT).filter(c -> fold(c) != c).toArray();

    private UnicodeProperties() {}

    /** {@code \d \s \w \h} by their letter, within brackets or outside. */
    static CodePoints shorthand(int letter, boolean inClass) {
        return switch (letter) {
            case 'd' -> category("Nd");
            case 's' -> posix("space");
            case 'w' -> inClass ? posix("word") : cached("\\w", UnicodeProperties::isWord);
            default -> posix("xdigit");
        };
    }

    /** {@code \w} of Oniguruma: outside of bracket classes it counts the exponents and fractions of Latin 1. */
    static boolean isWord(int c) {
        return isWordInClass(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c >= 0xBC && c <= 0xBE;
    }

    private static boolean isWordInClass(int c) {
        return UnicodeClasses.isWord(c) && c != 0x200C && c != 0x200D;
    }

    /** The set of {@code \p{name}}, within brackets or outside; null if it is not known here. */
    static CodePoints named(String name, boolean inClass) {
        String plain = name.toLowerCase(Locale.ROOT).replaceAll("[ _-]", "");
        String category = LONG_NAMES.getOrDefault(plain, plain);
        for (String known : CATEGORIES) {
            if (!known.isEmpty() && (category.equalsIgnoreCase(known) || category.equalsIgnoreCase(known.substring(0, 1)))) {
                return category(category.length() == 1 ? known.substring(0, 1) : known);
            }
        }
        switch (plain) {
            case "any":
                return CodePoints.ALL;
            case "alphabetic":
                return cached(plain, Character::isAlphabetic);
            case "uppercase":
                return cached(plain, Character::isUpperCase);
            case "lowercase":
                return cached(plain, Character::isLowerCase);
            case "whitespace":
                return posix("space");
            case "word":
                return shorthand('w', inClass);
            case "ideographic":
                return cached(plain, Character::isIdeographic);
            case "emoji":
                return cached(plain, Character::isEmoji);
            case "extendedpictographic":
                return cached(plain, Character::isExtendedPictographic);
            default:
                CodePoints set = posix(plain);
                return set != null ? set : script(name, plain);
        }
    }

    /** The set of {@code [:name:]}, or null if it is not known here. */
    static CodePoints posix(String name) {
        return switch (name) {
            case "alpha" -> cached(name, Character::isAlphabetic);
            case "digit" -> category("Nd");
            case "alnum" -> cached(name, c -> Character.isAlphabetic(c) || Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER);
            case "upper" -> cached(name, Character::isUpperCase);
            case "lower" -> cached(name, Character::isLowerCase);
            case "space" -> cached(name, UnicodeClasses::isSpace);
            case "word" -> cached(name, UnicodeProperties::isWordInClass);
            case "xdigit" -> cached(name, c -> c < 0x80 && Character.digit(c, 16) >= 0);
            case "ascii" -> CodePoints.range(0, 0x7F);
            case "cntrl" -> category("Cc");
            case "blank" -> cached(name, c -> c == '\t' || Character.getType(c) == Character.SPACE_SEPARATOR);
            default -> null;
        };
    }

    private static CodePoints category(String name) {
        return cached(name, c -> CATEGORIES[Character.getType(c)].startsWith(name));
    }

    private static CodePoints script(String name, String plain) {
        try {
            Character.UnicodeScript script = Character.UnicodeScript.forName(name.strip().replaceAll("[ -]", "_"));
            return script == Character.UnicodeScript.UNKNOWN ? null : cached("script " + plain, c -> Character.UnicodeScript.of(c) == script);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** With all that differs from a member in case only. */
    static CodePoints anyCase(CodePoints set) {
        CodePoints all = set;
        for (int c : FOLDING) {
            if (set.contains(c) && !all.contains(fold(c))) {
                all = all.or(CodePoints.of(fold(c)));
            }
        }
        for (int c : FOLDING) {
            if (all.contains(fold(c)) && !all.contains(c)) {
                all = all.or(CodePoints.of(c));
            }
        }
        return all;
    }

    /** Simple case folding; the two i of Turkish stand for themselves. */
    private static int fold(int c) {
        return c == 0x130 || c == 0x131 ? c : Character.toLowerCase(Character.toUpperCase(c));
    }

    private static CodePoints cached(String name, IntPredicate member) {
        return FOUND.computeIfAbsent(name, key -> CodePoints.where(member));
    }
}
