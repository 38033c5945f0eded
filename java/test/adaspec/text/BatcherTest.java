package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatcherTest {
    private static List<Sample> samples(int n) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int[] ids = IntStream.range(0, 2 + i % 5).toArray();
            ids[0] = i;
            samples.add(new Sample(ids, 1 + i % 2, new DatasetFormat.Text("", ""), "" + i, 0, Path.of("f"), i + 1));
        }
        return samples;
    }

    @Test
    void aBatchIsRaggedAndPacked() {
        List<Sample> samples = samples(23);
        Batch batch = new Batcher(samples, 5, 7).batch(0, 0);
        assertEquals(5, batch.count());
        assertEquals(batch.tokens(), batch.starts()[5]);
        int answers = 0;
        for (int s = 0; s < 5; s++) {
            Sample sample = samples.get(batch.samples()[s]);
            assertArrayEquals(sample.ids(), Arrays.copyOfRange(batch.ids(), batch.starts()[s], batch.starts()[s + 1]));
            assertEquals(sample.answerStart(), batch.answerStarts()[s]);
            answers += sample.answerTokens();
        }
        assertEquals(answers, batch.answerTokens());
    }

    @Test
    void anEpochHasEverySampleOnce() {
        Batcher batcher = new Batcher(samples(23), 5, 7);
        assertEquals(5, batcher.batchesPerEpoch());
        int[] seen = IntStream.range(0, 5).flatMap(i -> Arrays.stream(batcher.batch(2, i).samples())).toArray();
        assertFalse(Arrays.equals(IntStream.range(0, 23).toArray(), seen), "shuffled");
        assertArrayEquals(IntStream.range(0, 23).toArray(), Arrays.stream(seen).sorted().toArray());
        assertEquals(3, batcher.batch(2, 4).count(), "the rest");
    }

    @Test
    void anyBatchCanBeHadWithoutThoseBefore() {
        Batcher through = new Batcher(samples(23), 5, 7);
        List<int[]> all = new ArrayList<>();
        for (long i = 0; i < 20; i++) {
            all.add(through.batch(i).samples());
        }
        for (int i = 19; i >= 0; i--) {
            assertArrayEquals(all.get(i), new Batcher(samples(23), 5, 7).batch((long) i).samples());
            assertArrayEquals(all.get(i), through.batch(i / 5, i % 5).samples());
        }
    }

    @Test
    void seedAndEpochChangeTheOrderAndNothingElseDoes() {
        int[] order = Batcher.permutation(1000, 0, 0);
        assertArrayEquals(order, Batcher.permutation(1000, 0, 0));
        assertFalse(Arrays.equals(order, Batcher.permutation(1000, 1, 0)));
        assertFalse(Arrays.equals(order, Batcher.permutation(1000, 0, 1)));
        assertFalse(Arrays.equals(Batcher.permutation(1000, 0, 1), Batcher.permutation(1000, 1, 0)));
        // The order is part of what a run is: another one would break resuming runs of older versions.
        // These ten were computed by the formula in Python's integers.
        assertArrayEquals(new int[] {9, 0, 5, 4, 6, 3, 2, 1, 8, 7}, Batcher.permutation(10, 42, 3));
    }

    @Test
    void everyOrderOfFourIsEquallyLikely() {
        int[] counts = new int[256];
        int draws = 24_000;
        for (int seed = 0; seed < draws; seed++) {
            int[] p = Batcher.permutation(4, seed, 5);
            counts[p[0] << 6 | p[1] << 4 | p[2] << 2 | p[3]]++;
        }
        double expected = draws / 24.0;
        double chiSquare = Arrays.stream(counts).filter(c -> c > 0).mapToDouble(c -> (c - expected) * (c - expected) / expected).sum();
        assertEquals(24, Arrays.stream(counts).filter(c -> c > 0).count());
        // 23 degrees of freedom: 49.7 is exceeded once in a thousand sets of seeds, and these seeds are fixed.
        assertTrue(chiSquare < 49.7, "chi-square " + chiSquare);
    }

    /** {@code n} samples of 2 to 201 tokens. */
    private static List<Sample> unlike(int n) {
        var random = new Random(5);
        return IntStream.range(0, n)
                .mapToObj(i -> new Sample(new int[2 + random.nextInt(200)], 1, new DatasetFormat.Text("", ""), "" + i, 0, Path.of("f"), i + 1))
                .toList();
    }

    private static Batcher grouped(List<Sample> samples, int batchSize, long seed) {
        return new Batcher(samples, batchSize, seed, Batcher.Grouping.LENGTH);
    }

    private static List<int[]> epoch(Batcher batcher, int epoch) {
        return IntStream.range(0, batcher.batchesPerEpoch()).mapToObj(i -> batcher.batch(epoch, i).samples()).toList();
    }

    /** One window or many, with and without a rest, and fewer samples than a batch. */
    @ParameterizedTest
    @CsvSource({"1000, 3", "1024, 8", "1025, 8", "500, 1", "130, 64", "5, 8", "8, 8"})
    void groupedByLengthAnEpochStillHasEverySampleOnce(int n, int batchSize) {
        Batcher batcher = grouped(unlike(n), batchSize, 7);
        List<int[]> batches = epoch(batcher, 1);
        assertArrayEquals(IntStream.range(0, n).toArray(), batches.stream().flatMapToInt(Arrays::stream).sorted().toArray());
        for (int i = 0; i < batches.size() - 1; i++) {
            assertEquals(batchSize, batches.get(i).length);
        }
        assertEquals(n - (batches.size() - 1) * batchSize, batches.getLast().length);
    }

    @Test
    void groupedBatchesHaveSamplesOfLikeLength() {
        List<Sample> samples = unlike(2_000);
        for (Batcher.Grouping grouping : Batcher.Grouping.values()) {
            List<int[]> batches = epoch(new Batcher(samples, 8, 7, grouping), 0);
            double spread = batches.stream()
                    .mapToInt(batch -> spread(batch, samples))
                    .average()
                    .orElseThrow();
            // Eight of 200 lengths spread over 7/9 of them; an eighth of a 64th of them where a window is sorted.
            assertTrue(grouping == Batcher.Grouping.LENGTH ? spread < 5 : spread > 140, grouping + " " + spread);
        }
    }

    private static int spread(int[] batch, List<Sample> samples) {
        var lengths = Arrays.stream(batch).map(sample -> samples.get(sample).ids().length).summaryStatistics();
        return lengths.getMax() - lengths.getMin();
    }

    @Test
    void groupedBatchesAreAFunctionOfSeedEpochAndIndexAlone() {
        List<Sample> samples = unlike(1_003);
        Batcher forward = grouped(samples, 4, 7);
        List<int[]> one = epoch(forward, 2);
        Batcher backward = grouped(samples, 4, 7);
        backward.batch(5, 0);
        for (int i = one.size() - 1; i >= 0; i--) {
            assertArrayEquals(one.get(i), backward.batch(2, i).samples());
        }
        assertFalse(Arrays.equals(one.getFirst(), forward.batch(3, 0).samples()));
        assertFalse(Arrays.equals(one.getFirst(), grouped(samples, 4, 8).batch(2, 0).samples()));
    }

    /** Sorting must not bring the short samples first, nor always leave the same ones for the smaller last batch. */
    @Test
    void groupingLeavesEverySampleEverywhereEquallyOften() {
        List<Sample> samples = unlike(41);
        int longest = IntStream.range(0, 41).boxed().max(Comparator.comparingInt(i -> samples.get(i).ids().length)).orElseThrow();
        int[] places = new int[11];
        int epochs = 4_100;
        Batcher batcher = grouped(samples, 4, 3);
        for (int epoch = 0; epoch < epochs; epoch++) {
            for (int i = 0; i < 11; i++) {
                int sample = longest;
                places[i] += (int) Arrays.stream(batcher.batch(epoch, i).samples()).filter(s -> s == sample).count();
            }
        }
        double chiSquare = 0;
        for (int i = 0; i < 11; i++) {
            double expected = epochs * (i < 10 ? 4 : 1) / 41.0;
            chiSquare += (places[i] - expected) * (places[i] - expected) / expected;
        }
        // 10 degrees of freedom: 29.6 is exceeded once in a thousand sets of epochs, and these are fixed.
        assertTrue(chiSquare < 29.6, "chi-square " + chiSquare + ": " + Arrays.toString(places));
    }

    @Test
    void nonsenseIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Batcher(List.of(), 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Batcher(samples(3), 0, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> new Batcher(samples(3), 2, 0).batch(0, 2));
    }
}
