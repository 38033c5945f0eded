package adaspec.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Finds added tokens in text: leftmost, then longest, as an Aho-Corasick automaton of that kind would. Flags work as in the {@code tokenizers}
 * library: {@code single_word} drops a match beside a word character, {@code lstrip} and {@code rstrip} let it take the spaces around it.
 */
final class AddedTokens {
    /** One added token as the file describes it. */
    record Added(int id, String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {}

    /** A match {@code [from, to)}, spaces taken included. */
    record Match(Added token, int from, int to) {}

    private final Node root = new Node();
    private final boolean[] begins = new boolean[0x10000];

    /** @param contents what to look for, one for each token (the content, normalized where the token is) */
    AddedTokens(List<Added> tokens, List<String> contents) {
        for (int t = 0; t < tokens.size(); t++) {
            Node node = root;
            String content = contents.get(t);
            for (int i = 0; i < content.length(); i++) {
                node = node.childOrNew(content.charAt(i));
            }
            if (content.isEmpty()) {
                continue;
            }
            begins[content.charAt(0)] = true;
            node.token = tokens.get(t);
        }
    }

    /** The matches in {@code s[from .. to)}, which is taken as a text of its own. In order; one that stripped spaces may reach into the next. */
    List<Match> find(char[] s, int from, int to) {
        List<Match> matches = List.of();
        int covered = from;
        for (int i = from; i < to; ) {
            if (!begins[s[i]]) {
                i++;
                continue;
            }
            Added token = null;
            int end = i;
            Node node = root;
            for (int j = i; j < to && (node = node.child(s[j])) != null; ) {
                j++;
                if (node.token != null) {
                    token = node.token;
                    end = j;
                }
            }
            if (token == null) {
                i++;
                continue;
            }
            int start = i;
            i = end;
            if (token.singleWord && (start > from && UnicodeClasses.isWord(Character.codePointBefore(s, start, from))
                    || end < to && UnicodeClasses.isWord(Character.codePointAt(s, end, to)))) {
                continue;
            }
            if (token.lstrip) {
                while (start > from && UnicodeClasses.of(s[start - 1]) == UnicodeClasses.SPACE) {
                    start--;
                }
                start = Math.max(start, covered);
            }
            if (token.rstrip) {
                end = UnicodeClasses.run(s, end, to, UnicodeClasses.SPACE);
            }
            if (matches.isEmpty()) {
                matches = new ArrayList<>();
            }
            matches.add(new Match(token, start, end));
            covered = end;
        }
        return matches;
    }

    private static final class Node {
        private char[] labels = new char[0];
        private Node[] children = new Node[0];
        private Added token;

        Node child(char label) {
            for (int i = 0; i < labels.length; i++) {
                if (labels[i] == label) {
                    return children[i];
                }
            }
            return null;
        }

        Node childOrNew(char label) {
            Node child = child(label);
            if (child == null) {
                child = new Node();
                labels = Arrays.copyOf(labels, labels.length + 1);
                labels[labels.length - 1] = label;
                children = Arrays.copyOf(children, labels.length);
                children[labels.length - 1] = child;
            }
            return child;
        }
    }
}
