package adaspec.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;

/** Files of megabytes that cost a reader the most for each byte: what a bound on memory and time has to hold for. */
final class LargeFiles {
    private static final int BYTES = 2 << 20;

    static final List<Target> ALL =
            Targets.FILES.stream().filter(target -> !target.name().equals("config-yaml")).map(LargeFiles::largeOf).toList();

    /** The forms that {@link #form} knows. */
    static final int FORMS = 9;

    private LargeFiles() {}

    private static Target largeOf(Target target) {
        boolean withHeader = target.name().equals("safetensors");
        // Many good lines of ids are as many passes through the model, which take the time that they take.
        int forms = target.name().equals("token-ids") ? FORMS - 1 : FORMS;
        return new Target("large-" + target.name(), target.file(), target.prepare(), (good, random) -> {
            String text = form(random.nextInt(forms), new String(good, StandardCharsets.UTF_8), random);
            return withHeader ? safetensors(text) : text.getBytes(StandardCharsets.UTF_8);
        }, target.use());
    }

    private static String form(int form, String good, Random random) {
        return switch (form) {
            case 0 -> "[" + "[],".repeat(BYTES / 3) + "0]";
            case 1 -> members("\"k%d\":0,", 12, random);
            case 2 -> "{\"text\":\"" + "a".repeat(BYTES) + "\"}";
            case 3 -> "[" + "9".repeat(BYTES) + "]";
            case 4 -> " ".repeat(BYTES);
            case 5 -> "[".repeat(BYTES);
            case 6 -> "[" + "0,".repeat(BYTES / 2) + "0]";
            case 7 -> members("\"t%d\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[0,0]},", 60, random);
            default -> good.repeat(Math.max(1, BYTES / Math.max(1, good.length())));
        };
    }

    private static String members(String format, int length, Random random) {
        StringBuilder text = new StringBuilder("{");
        for (int i = random.nextInt(10); text.length() < BYTES - length; i++) {
            text.append(String.format(format, i));
        }
        return text.append("\"last\":0}").toString();
    }

    private static byte[] safetensors(String header) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json).array();
    }
}
