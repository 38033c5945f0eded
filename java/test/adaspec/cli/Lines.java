package adaspec.cli;

import java.util.ArrayList;
import java.util.List;

/** Runs several command lines, separated by {@code //}, one after the other in a process that was started in some odd way. */
final class Lines {
    private Lines() {}

    public static void main(String[] arguments) {
        var words = new ArrayList<String>();
        for (String word : joined(List.of(arguments), "//")) {
            if (word.equals("//")) {
                Line line = Line.run(words.toArray(String[]::new));
                line.log().lines().filter(l -> l.startsWith("error: ") || l.contains("\tat ")).forEach(System.out::println);
                System.out.println(words.getFirst() + " ended with " + line.code());
                words.clear();
            } else {
                words.add(word);
            }
        }
    }

    private static List<String> joined(List<String> words, String last) {
        var all = new ArrayList<>(words);
        all.add(last);
        return all;
    }
}
