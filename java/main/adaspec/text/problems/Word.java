package adaspec.text.problems;

/** A word that a problem draws, with the forms that grammar asks for. */
sealed interface Word {
    /** As it stands in the list: a name, or a noun's singular. */
    String base();

    record Person(String base, boolean male) implements Word {
        String he() {
            return male ? "he" : "she";
        }

        String him() {
            return male ? "him" : "her";
        }

        String his() {
            return male ? "his" : "her";
        }
    }

    record Noun(String base, String plural) implements Word {
        /** Reads {@code apple} (regular plural) or {@code shelf/shelves}. */
        static Noun parse(String entry) {
            int slash = entry.indexOf('/');
            return slash < 0
                    ? new Noun(entry, regularPlural(entry))
                    : new Noun(entry.substring(0, slash), entry.substring(slash + 1));
        }

        /** "an apple", "a box". By letter: the lists hold no word like "hour" or "uniform". */
        String withArticle() {
            return ("aeiou".indexOf(base.charAt(0)) >= 0 ? "an " : "a ") + base;
        }

        private static String regularPlural(String noun) {
            if (noun.matches(".*(s|x|ch|sh)")) {
                return noun + "es";
            }
            if (noun.matches(".*[^aeiou]y")) {
                return noun.substring(0, noun.length() - 1) + "ies";
            }
            return noun + "s";
        }
    }
}
