package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.TestBackends;
import adaspec.cli.Main;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.ops.ReferenceOps;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.train.TinyModels;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each tier of the processor's library in a JVM of its own, which its environment forces to it. */
class TierTest {
    /**
     * Sums of at most 80 products, nested through two layers: rounding of 2^-24 at each, amplified by norms and softmax by less than 100. As for the
     * golden models, whose arithmetic another library did.
     */
    private static final double TOLERANCE = 1e-4;

    @TempDir
    private static Path models;

    private static Map<String, float[]> expected;

    @BeforeAll
    static void write() {
        Assumptions.assumeTrue(
                TierTest.class.getClassLoader().getResource("native/linux-x86_64/libadaspec_cpu.so") != null, "the native library is not in this build");
        // Widths that are no multiple of a vector's: 40 channels, heads of 20, an MLP of 80.
        ObjectNode config = TinyModels.config(TierProbe.VOCABULARY, 40, 2, false);
        try (var memory = TestBackends.allocator()) {
            Weights target = TinyModels.random(Model.architectureOf(config, "config"), 1, memory);
            Weights draft = target.trainableCopy(memory);
            Tensor matrices = draft.arenaMatrices();
            Random random = new Random(2);
            for (long i = 0; i < matrices.size(); i++) {
                matrices.set(i, matrices.get(i) + (float) (0.02 * random.nextGaussian()));
            }
            for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
                Model.save(models.resolve("target-" + type), config, target, type, null);
                Model.save(models.resolve("draft-" + type), config, draft, type, null);
            }
        }
        expected = TierProbe.results(new ReferenceOps(), models);
    }

    @ParameterizedTest
    @ValueSource(strings = {"avx512", "avx2", "baseline"})
    void aForcedTierDecodesAndTrainsAsTheReference(String tier) throws Exception {
        Assumptions.assumeTrue(has(tier), "this processor lacks " + tier);
        Processes.Ended ended = Processes.run(
                Processes.java("--enable-native-access=ALL-UNNAMED", TierProbe.class.getName(), models.toString()), Map.of("ADASPEC_CPU_TIER", tier));
        assertEquals(0, ended.code(), ended.err());
        Map<String, float[]> actual = new HashMap<>();
        for (String line : ended.out().lines().toList()) {
            String[] words = line.split(" ", 3);
            if (words[0].equals("device")) {
                assertTrue(line.startsWith("device cpu " + tier + ","), line);
            } else {
                actual.put(words[0] + " " + words[1], TierProbe.numbers(words[2]));
            }
        }
        assertEquals(2 * expected.size(), actual.size());
        expected.forEach((name, values) -> {
            for (int threads : new int[] {1, 3}) {
                assertClose(values, actual.get(threads + " " + name), tier + " with " + threads + " threads, " + name);
            }
            if (name.matches("(laws|plain|speculative)-.*")) {
                assertArrayEquals(actual.get("1 " + name), actual.get("3 " + name), name + " does not depend on the number of threads");
            }
        });
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
            float[] whole = actual.get("1 laws-" + type + "-" + TierProbe.PROMPT.length);
            for (int chunk : new int[] {1, 2, 5, 16}) {
                assertArrayEquals(whole, actual.get("1 laws-" + type + "-" + chunk), tier + ": rows in chunks of " + chunk + ", bit for bit");
            }
            assertArrayEquals(actual.get("1 plain-" + type), actual.get("1 speculative-" + type), tier + ": greedy decoding with a draft");
        }
    }

    /** Each number within the tolerance of the largest. */
    private static void assertClose(float[] expected, float[] actual, String what) {
        assertEquals(expected.length, actual.length, what);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], TOLERANCE * largest, what + " at " + i);
        }
    }

    /** Two tiers that were the same code would pass the test above. */
    @Test
    void tiersRoundDifferently() throws Exception {
        Assumptions.assumeTrue(has("avx2"), "this processor lacks avx2");
        var outputs = new HashMap<String, String>();
        for (String tier : List.of("avx2", "baseline")) {
            outputs.put(tier, Processes.run(
                    Processes.java("--enable-native-access=ALL-UNNAMED", TierProbe.class.getName(), models.toString()), Map.of("ADASPEC_CPU_TIER", tier))
                    .out().lines().filter(line -> line.startsWith("1 laws-F32-1 ")).findFirst().orElseThrow());
        }
        assertTrue(!outputs.get("avx2").equals(outputs.get("baseline")), "fused and separate multiply-adds round alike");
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "cpu"})
    void anUnknownTierIsRefusedAndNothingFallsBack(String device) throws Exception {
        assertRefused("abacus", device, "ADASPEC_CPU_TIER is not a tier; avx512, avx2 or baseline was expected");
    }

    @ParameterizedTest
    @ValueSource(strings = {"avx512", "avx2"})
    void aTierThatTheProcessorLacksIsRefused(String tier) throws Exception {
        Assumptions.assumeFalse(has(tier), "this processor has " + tier);
        assertRefused(tier, "auto", "ADASPEC_CPU_TIER asks for instructions that this processor lacks; unset it or set it to a lower tier");
    }

    private static void assertRefused(String tier, String device, String sentence) throws Exception {
        Processes.Ended ended = Processes.run(
                Processes.java(
                        "--enable-native-access=ALL-UNNAMED", Main.class.getName(), "score", "--model", models.resolve("target-F32").toString(),
                        "--token-ids-file", Files.writeString(models.resolve("ids"), "[1, 2]\n").toString(), "--output", models.resolve("o").toString(),
                        "--device", device),
                Map.of("ADASPEC_CPU_TIER", tier));
        assertEquals(1, ended.code(), ended.err());
        assertTrue(ended.err().contains(sentence) && ended.err().lines().count() == 1, ended.err());
        assertTrue(Files.notExists(models.resolve("o")));
    }

    private static boolean has(String tier) throws IOException {
        String flags = Files.readString(Path.of("/proc/cpuinfo"));
        List<String> needed = switch (tier) {
            case "avx512" -> List.of("avx2", "fma", "f16c", "bmi2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd");
            case "avx2" -> List.of("avx2", "fma", "f16c", "bmi2");
            default -> List.of();
        };
        return needed.stream().allMatch(flag -> flags.matches("(?s).*\\b" + flag + "\\b.*"));
    }
}
