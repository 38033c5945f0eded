package adaspec.text;

import adaspec.common.InputException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.TreeSet;

/**
 * Samples to train or to evaluate on, in the order of their files.
 *
 * @param dropped samples that had no answer token within the maximum length and are not among {@code samples}
 * @param droppedAnswerTokens the answer tokens they would have had
 */
public record Dataset(List<Sample> samples, int dropped, long droppedAnswerTokens) {
    /** The share that is held out where no evaluation file is given. */
    public static final double HELD_OUT = 0.05;

    public Dataset {
        samples = List.copyOf(samples);
    }

    /**
     * Reads JSON lines.
     *
     * @param format null to detect it from the first line of each file
     * @param endOfText appended to every sample and trained; empty for none
     * @param maxLength tokens, at least 2; longer samples lose their end
     * @throws InputException if a file is empty, not UTF-8, not JSON, lacks a field, or if no sample has an answer token within maxLength
     */
    public static Dataset read(List<Path> files, DatasetFormat format, Tokenizer tokenizer, OptionalInt endOfText, int maxLength) {
        if (maxLength < 2) {
            throw new InputException("the maximum length is " + maxLength + "; at least 2 tokens are needed to predict one from another");
        }
        List<Sample> samples = new ArrayList<>();
        long[] dropped = new long[2];
        for (Path file : files) {
            DatasetFormat[] known = {format};
            JsonLines.read(file, JsonLines.Blank.SKIP, (value, line, where) -> {
                if (known[0] == null) {
                    known[0] = DatasetFormat.detect(requireObject(value));
                }
                Sample sample = Sample.of(known[0].of(value), tokenizer, endOfText, maxLength, file, line);
                if (sample.answerTokens() == 0) {
                    dropped[0]++;
                    dropped[1] += sample.cutAnswerTokens();
                } else {
                    samples.add(sample);
                }
            });
        }
        if (samples.isEmpty()) {
            throw new InputException("no sample of " + String.join(", ", files.stream().map(Path::toString).toList())
                    + " has an answer token within " + maxLength + " tokens; raise --model-max-length or give other data");
        }
        return new Dataset(samples, Math.toIntExact(dropped[0]), dropped[1]);
    }

    private static JsonNode requireObject(JsonNode value) {
        if (!value.isObject()) {
            throw new InputException("a JSON object was expected");
        }
        return value;
    }

    /** Samples to learn from and samples kept apart, which know nothing of dropped ones. Neither is empty unless all texts are the same. */
    public record Split(Dataset train, Dataset heldOut) {}

    /**
     * Holds out the last {@code fraction} of the different texts, ordered by SHA-256, at least one: independent of the order of files and lines, and
     * equal texts stay together. Where all texts are the same nothing is held out.
     */
    public Split split(double fraction) {
        TreeSet<String> hashes = new TreeSet<>();
        samples.forEach(sample -> hashes.add(sample.textHash()));
        int count = Math.clamp(Math.round(fraction * hashes.size()), Math.min(1, hashes.size() - 1), hashes.size() - 1);
        List<String> last = new ArrayList<>(hashes.descendingSet()).subList(0, count);
        String first = last.isEmpty() ? null : last.getLast();
        List<Sample> train = new ArrayList<>();
        List<Sample> heldOut = new ArrayList<>();
        for (Sample sample : samples) {
            (first != null && sample.textHash().compareTo(first) >= 0 ? heldOut : train).add(sample);
        }
        return new Split(new Dataset(train, 0, 0), new Dataset(heldOut, 0, 0));
    }

    public int size() {
        return samples.size();
    }

    /** Samples that were cut at the maximum length and still have answer tokens. */
    public int truncated() {
        return (int) samples.stream().filter(Sample::truncated).count();
    }

    /** Answer tokens that the maximum length has cut off, those of dropped samples among them. */
    public long cutAnswerTokens() {
        return samples.stream().mapToLong(Sample::cutAnswerTokens).sum() + droppedAnswerTokens;
    }

    /** Tokens of all samples. */
    public long tokens() {
        return samples.stream().mapToLong(sample -> sample.ids().length).sum();
    }

    /** Tokens of all samples that the loss counts. */
    public long answerTokens() {
        return samples.stream().mapToLong(Sample::answerTokens).sum();
    }

    /** SHA-256 in hexadecimal over every sample's ids and mask, in order: equal iff the same numbers are trained on. */
    public String fingerprint() {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            for (Sample sample : samples) {
                ByteBuffer bytes = ByteBuffer.allocate(4 * (sample.ids().length + 2)).order(ByteOrder.LITTLE_ENDIAN);
                bytes.putInt(sample.ids().length).putInt(sample.answerStart());
                bytes.asIntBuffer().put(sample.ids());
                sha.update(bytes.rewind());
            }
            return HexFormat.of().formatHex(sha.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    /** One line for the start of a run. */
    public String summary() {
        String cut = String.format(Locale.ROOT, "; %,d answer tokens (%.1f %%) were cut off at the maximum length",
                cutAnswerTokens(), 100.0 * cutAnswerTokens() / (answerTokens() + cutAnswerTokens()));
        return String.format(Locale.ROOT, "%,d samples, %,d tokens, %,d of them answer tokens; %,d truncated, %,d dropped without an answer token",
                size(), tokens(), answerTokens(), truncated(), dropped) + (cutAnswerTokens() == 0 ? "" : cut);
    }
}
