package adaspec.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Damages files, as transport, disks and people do: the same random numbers, the same damage. */
final class Mutations {
    /** What takes the place of a value in JSON: what overflows, what has another type, what no JSON has. */
    private static final List<String> EXTREMES = List.of(
            "0", "-0", "1", "-1", "2", "7", "127", "255", "256", "65536", "16777216", "2147483647", "2147483648", "-2147483648", "4294967296",
            "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "0.5", "-0.0", "1e-320",
            "1e308", "1e309", "-1e400", "1e999999999", "1E+2", "NaN", "Infinity", "01", "0x10", "+1", "1.", ".5", "9".repeat(2000), "null", "true",
            "false", "\"\"", "\"7\"", "\"NaN\"", "\"../../etc/passwd\"", "\"/dev/zero\"", "\"a b c\"", "\"\\u0000\"", "\"\\ud800\"",
            "\"\\u2028\\u001b[31m\"",
            "\"" + "x".repeat(5000) + "\"", "[]", "{}", "[null]", "[0,0]", "[[]]", "{\"\":{}}",
            "[9223372036854775807,9223372036854775807]", "undefined",
            "'x'", "[".repeat(190) + "]".repeat(190), "[".repeat(5000), "{\"a\":".repeat(3000) + "1" + "}".repeat(3000));

    private static final String QUOTED = "\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"";
    private static final Pattern STRING = Pattern.compile(QUOTED);
    private static final Pattern KEY = Pattern.compile(QUOTED + "\\s*:");
    private static final Pattern SCALAR = Pattern.compile(QUOTED + "(?!\\s*:)|-?\\d+(?:\\.\\d+)?(?:[eE][-+]?\\d+)?|true|false|null");
    private static final Pattern MEMBER =
            Pattern.compile(QUOTED + "\\s*:\\s*(?:" + QUOTED + "|[-\\w.+]+|\\[[^\\[\\]{}]*\\]|\\{[^{}]*\\})\\s*,?");

    private Mutations() {}

    /** One to three changes of text that is JSON, or lines of JSON: to its values and members, or to its bytes. */
    static byte[] json(byte[] original, Random random) {
        byte[] bytes = original;
        for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
            bytes = random.nextInt(4) == 0
                    ? bytes(bytes, random)
                    : structure(new String(bytes, StandardCharsets.UTF_8), random).getBytes(StandardCharsets.UTF_8);
        }
        return bytes;
    }

    private static String structure(String text, Random random) {
        return switch (random.nextInt(10)) {
            case 0, 1, 2, 3 -> replaced(text, SCALAR, random, EXTREMES.get(random.nextInt(EXTREMES.size())));
            case 4 -> replaced(text, MEMBER, random, "");
            case 5 -> {
                String member = any(text, MEMBER, random);
                yield inserted(text, KEY, random, member.isEmpty() || member.endsWith(",") ? member : member + ",");
            }
            case 6 -> replaced(text, STRING, random, any(text, STRING, random));
            case 7 -> replaced(text, SCALAR, random, any(text, SCALAR, random));
            case 8 -> replaced(text, MEMBER, random, any(text, MEMBER, random));
            default -> replaced(text, KEY, random, "\"" + "k".repeat(random.nextInt(40)) + "\":");
        };
    }

    private static String any(String text, Pattern pattern, Random random) {
        List<MatchResult> found = pattern.matcher(text).results().toList();
        return found.isEmpty() ? "" : found.get(random.nextInt(found.size())).group();
    }

    private static String replaced(String text, Pattern pattern, Random random, String by) {
        List<MatchResult> found = pattern.matcher(text).results().toList();
        if (found.isEmpty()) {
            return text + by;
        }
        MatchResult one = found.get(random.nextInt(found.size()));
        return text.substring(0, one.start()) + by + text.substring(one.end());
    }

    private static String inserted(String text, Pattern before, Random random, String what) {
        List<MatchResult> found = before.matcher(text).results().toList();
        int at = found.isEmpty() ? text.length() : found.get(random.nextInt(found.size())).start();
        return text.substring(0, at) + what + text.substring(at);
    }

    /** One change of bytes: flipped, cut off, doubled, moved, or put where there were none. */
    static byte[] bytes(byte[] original, Random random) {
        if (original.length == 0) {
            return new byte[] {(byte) random.nextInt(256)};
        }
        int a = random.nextInt(original.length);
        int b = Math.min(original.length, a + 1 + random.nextInt(random.nextBoolean() ? 8 : original.length));
        byte[] changed = original.clone();
        return switch (random.nextInt(8)) {
            case 0, 1 -> {
                changed[a] ^= (byte) (1 << random.nextInt(8));
                yield changed;
            }
            case 2 -> {
                changed[a] = (byte) random.nextInt(256);
                yield changed;
            }
            case 3 -> Arrays.copyOf(original, random.nextInt(4) == 0 ? 0 : a);
            case 4 -> joined(original, 0, a, b, original.length);
            case 5 -> joined(original, 0, b, a, original.length);
            case 6 -> {
                random.nextBytes(changed);
                System.arraycopy(original, 0, changed, 0, a);
                System.arraycopy(original, b, changed, b, original.length - b);
                yield changed;
            }
            default -> {
                byte[] more = new byte[random.nextInt(3) == 0 ? 64 << 10 : 16];
                Arrays.fill(more, (byte) (random.nextBoolean() ? 0 : random.nextInt(256)));
                ByteBuffer all = ByteBuffer.allocate(original.length + more.length);
                yield all.put(original, 0, a).put(more).put(original, a, original.length - a).array();
            }
        };
    }

    /** The bytes from {@code a} to {@code b}, then those from {@code c} to {@code d}: with a part left out, or twice. */
    private static byte[] joined(byte[] original, int a, int b, int c, int d) {
        return ByteBuffer.allocate(b - a + d - c).put(original, a, b - a).put(original, c, d - c).array();
    }

    /** A safetensors file: its header as JSON, with its length mended or not; its length; its data. */
    static byte[] safetensors(byte[] original, Random random) {
        ByteBuffer whole = ByteBuffer.wrap(original).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) whole.getLong(0);
        byte[] header = Arrays.copyOfRange(original, 8, 8 + length);
        byte[] data = Arrays.copyOfRange(original, 8 + length, original.length);
        long said = -1;
        switch (random.nextInt(6)) {
            case 0 -> {
                return bytes(original, random);
            }
            case 1 -> data = bytes(data, random);
            case 2 -> {
                List<Long> lengths = new ArrayList<>(List.of(0L, 1L, 2L, 7L, length - 1L, length + 1L, length + 8L, 100_000_000L, 100_000_001L));
                lengths.addAll(List.of((long) original.length, original.length - 8L, Long.MAX_VALUE, Long.MIN_VALUE, -1L, 1L << 32, 3L << 30));
                said = lengths.get(random.nextInt(lengths.size()));
                ByteBuffer.wrap(original = original.clone()).order(ByteOrder.LITTLE_ENDIAN).putLong(0, said);
                return original;
            }
            default -> {
                header = json(header, random);
                said = random.nextInt(4) == 0 ? length : -1;
            }
        }
        ByteBuffer out = ByteBuffer.allocate(8 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        return out.putLong(said < 0 ? header.length : said).put(header).put(data).array();
    }
}
