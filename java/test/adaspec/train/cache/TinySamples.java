package adaspec.train.cache;

import adaspec.tensor.DType;
import adaspec.text.Dataset;
import adaspec.text.DatasetFormat;
import adaspec.text.Sample;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

/** Training samples of random ids, and keys for them. */
final class TinySamples {
    static final int VOCABULARY = 21;
    static final int MAX_LENGTH = 16;

    private TinySamples() {}

    static List<Sample> of(int count, long seed) {
        var random = new Random(seed);
        var samples = new ArrayList<Sample>();
        for (int i = 0; i < count; i++) {
            int[] ids = random.ints(3 + random.nextInt(10), 0, VOCABULARY).toArray();
            int answerStart = 1 + random.nextInt(ids.length - 1);
            samples.add(new Sample(ids, answerStart, new DatasetFormat.Text("", "text " + i), "hash" + i, 0, Path.of("file"), i + 1));
        }
        return samples;
    }

    static SortedMap<String, String> hashes(String text) {
        return new TreeMap<>(java.util.Map.of("config.json", "c-" + text, "model.safetensors", "m-" + text));
    }

    static CacheKey key(List<Sample> samples, DType precision, int channels) {
        var data = new Dataset(samples, 0, 0);
        return new CacheKey(
                precision, channels, hashes("target"), "tokenizer", new CacheKey.Data(data.fingerprint(), data.size(), data.answerTokens(), MAX_LENGTH));
    }
}
