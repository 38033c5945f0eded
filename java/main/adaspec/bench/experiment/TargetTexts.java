package adaspec.bench.experiment;

import adaspec.common.InputException;
import adaspec.text.JsonLines;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a target wrote for the test prompts, greedily, and which of it ends in a loop. A small model often repeats itself until the limit; a draft
 * that repeats it too is accepted for nothing, so rates without those texts stand beside the rates of all.
 *
 * @param loops whether each text ends in a loop
 */
record TargetTexts(List<String> texts, List<Integer> lengths, boolean[] loops) {
    /** A loop: so many last tokens repeat with a period of at most {@link #PERIOD}. */
    static final int TAIL = 48;

    static final int PERIOD = 16;

    /** What {@code generate --output-json} wrote; null if it is not there. */
    static TargetTexts read(Path file) {
        if (!Files.exists(file)) {
            return null;
        }
        List<String> texts = new ArrayList<>();
        List<Integer> lengths = new ArrayList<>();
        List<Boolean> loops = new ArrayList<>();
        JsonLines.read(file, JsonLines.Blank.SKIP, (json, line, where) -> {
            if (!json.path("ids").isArray()) {
                throw new InputException(where + " has no ids; what generate --output-json writes was expected");
            }
            int[] ids = new int[json.get("ids").size()];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = json.get("ids").get(i).asInt();
            }
            texts.add(json.path("text").asText());
            lengths.add(ids.length);
            loops.add(endsInLoop(ids));
        });
        boolean[] flags = new boolean[loops.size()];
        for (int i = 0; i < flags.length; i++) {
            flags[i] = loops.get(i);
        }
        return new TargetTexts(texts, lengths, flags);
    }

    static boolean endsInLoop(int[] ids) {
        for (int period = 1; period <= PERIOD && ids.length >= TAIL; period++) {
            int i = ids.length - TAIL + period;
            while (i < ids.length && ids[i] == ids[i - period]) {
                i++;
            }
            if (i == ids.length) {
                return true;
            }
        }
        return false;
    }

    /** Texts that end in a loop. */
    int count() {
        return loops.length - others().length;
    }

    /** Of all tokens, those in texts that end in a loop. */
    double tokenShare() {
        double in = 0;
        double all = 0;
        for (int i = 0; i < loops.length; i++) {
            in += loops[i] ? lengths.get(i) : 0;
            all += lengths.get(i);
        }
        return in / all;
    }

    /** Different texts. */
    long distinct() {
        return texts.stream().distinct().count();
    }

    /** Indices of the texts that do not end in a loop. */
    int[] others() {
        return java.util.stream.IntStream.range(0, loops.length).filter(i -> !loops[i]).toArray();
    }
}
