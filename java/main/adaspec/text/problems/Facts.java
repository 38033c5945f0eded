package adaspec.text.problems;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one problem is about: its numbers and words by name.
 *
 * @param numbers grows by the results of steps while an answer is written
 */
record Facts(Map<String, Integer> numbers, Map<String, Word> words) {
    private static final List<String> NUMBER_WORDS = List.of(
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve");
    private static final List<String> FRACTIONS = List.of("half", "a third", "a quarter", "a fifth", "a sixth");

    Facts copy() {
        return new Facts(new HashMap<>(numbers), words);
    }

    /**
     * The text of a field: {@code name} (a number's digits, a word), {@code names} (a noun's plural), or a form and a name:
     * {@code a thing} (an apple), {@code a pages} (an 80), {@code a $price} (an $80), {@code he who}, {@code him who}, {@code his who},
     * {@code word n} (seven), {@code times n} (twice, three times), {@code fraction n} (half, a third). A capital first letter makes a capital first
     * letter.
     */
    String text(String field) {
        boolean capital = Character.isUpperCase(field.charAt(0));
        String lower = Character.toLowerCase(field.charAt(0)) + field.substring(1);
        int space = lower.indexOf(' ');
        String text = space < 0 ? plain(lower) : formed(lower.substring(0, space), lower.substring(space + 1));
        return capital ? Character.toUpperCase(text.charAt(0)) + text.substring(1) : text;
    }

    /** The name of the number that a field shows, or null where it shows a word. */
    static String numberShown(String field, Set<String> names) {
        String name = field.substring(field.indexOf(' ') + 1).replace("$", "");
        return names.contains(name) ? name : null;
    }

    private String plain(String name) {
        if (numbers.containsKey(name)) {
            return numbers.get(name).toString();
        }
        if (words.containsKey(name)) {
            return words.get(name).base();
        }
        if (name.endsWith("s") && words.get(name.substring(0, name.length() - 1)) instanceof Word.Noun noun) {
            return noun.plural();
        }
        throw new IllegalStateException("nothing is called " + name);
    }

    private String formed(String form, String name) {
        return switch (form) {
            case "a" -> words.get(name) instanceof Word.Noun noun ? noun.withArticle() : numberWithArticle(name);
            case "he" -> ((Word.Person) word(name)).he();
            case "him" -> ((Word.Person) word(name)).him();
            case "his" -> ((Word.Person) word(name)).his();
            case "word" -> NUMBER_WORDS.get(number(name));
            case "times" -> number(name) == 2 ? "twice" : NUMBER_WORDS.get(number(name)) + " times";
            case "fraction" -> FRACTIONS.get(number(name) - 2);
            default -> throw new IllegalStateException("no form is called " + form);
        };
    }

    private String numberWithArticle(String name) {
        boolean dollars = name.startsWith("$");
        String digits = Integer.toString(number(dollars ? name.substring(1) : name));
        boolean vowel = digits.startsWith("8") || digits.equals("11") || digits.equals("18");
        return (vowel ? "an " : "a ") + (dollars ? "$" : "") + digits;
    }

    private Word word(String name) {
        Word word = words.get(name);
        if (word == null) {
            throw new IllegalStateException("no word is called " + name);
        }
        return word;
    }

    private int number(String name) {
        Integer number = numbers.get(name);
        if (number == null) {
            throw new IllegalStateException("no number is called " + name);
        }
        return number;
    }
}
