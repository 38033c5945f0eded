package adaspec.soak;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import adaspec.TestBackends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A soak of seconds, and that a soak finds what it is for: {@code bench/soak/soak.sh} is one of hours. */
class SoakTest {
    private static final int SAMPLES = 100;

    @TempDir
    private Path folder;

    // ------------------------------------------------------------------------------------------------ a process

    /** Memory that nobody judges is compiled code: with the first compiler alone there is less of it, sooner. */
    private Processes.Ended soak(String... more) throws IOException, InterruptedException {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
        List<String> arguments = new ArrayList<>(List.of(
                "-XX:TieredStopAtLevel=1", "-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-XX:-UseDynamicNumberOfCompilerThreads",
                "--enable-native-access=ALL-UNNAMED", Soak.class.getName(), "run", folder.toString()));
        arguments.addAll(List.of("--minutes", "0", "--samples", "6", "--probe-prompts", "1", "--probe-tokens", "8", "--settle", "0.1"));
        arguments.addAll(List.of("--warm-up", "0.3", "--slack", "5"));
        arguments.addAll(List.of(more));
        return Processes.run(Processes.java(arguments.toArray(String[]::new)));
    }

    @Test
    void secondsOfEverythingLeaveNothingBehind() throws Exception {
        Processes.Ended ended = soak("--interval", "0.8");
        assertEquals(0, ended.code(), ended::toString);
        assertTrue(ended.out().endsWith("\nFlat.\n"), ended::toString);
        Sample last = Sample.parse(Files.readAllLines(folder.resolve(Soak.SAMPLES)).getLast());
        // A run that did nothing would be flat.
        for (Load.Count count : List.of(Load.Count.TEXTS, Load.Count.TOKENS, Load.Count.EVALUATIONS, Load.Count.ENGINES)) {
            assertTrue(last.work()[count.ordinal()] > 0, count + ": " + ended);
        }
    }

    @Test
    void everyPlantedLeakIsFoundAndNamed() throws Exception {
        Processes.Ended ended = soak("--interval", "0.2", "--workers", "1", "--plant", "SESSIONS,HEAP,NATIVE,FILES,THREADS,ACCEPTANCE");
        assertEquals(1, ended.code(), ended::toString);
        for (String found : List.of(
                "resident grows", "anonymous in use grows", "heap after GC grows", "held by the engine, reserved space included grows",
                "threads grows", "open files grows", "mapped regions grows", "greedy acceptance changes")) {
            assertTrue(ended.out().contains("- " + found), found + ": " + ended);
        }
        assertFalse(ended.out().contains("- direct buffers"), ended::toString);
    }

    // ------------------------------------------------------------------------------------------------ the judgement

    /** Two hours of measurements around constant levels, with noise; {@code quantity} grows by {@code rise} on top. */
    private static List<Sample> samples(Quantity growing, double rise, double drift) {
        Random random = new Random(1);
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < SAMPLES; i++) {
            double at = (double) i / (SAMPLES - 1);
            var values = new EnumMap<Quantity, Double>(Quantity.class);
            for (Quantity quantity : Quantity.values()) {
                double noise = quantity.unit.isEmpty() ? 0 : quantity == Quantity.RESIDENT || quantity == Quantity.ANONYMOUS ? 3 : 0.1;
                values.put(quantity, 100 + noise * random.nextGaussian() + (quantity == growing ? rise * at : 0));
            }
            long judged = 200 + random.nextInt(50);
            long accepted = Math.round(judged * (0.7 + 0.03 * random.nextGaussian() + drift * at));
            samples.add(new Sample(2 * at, i, values, new long[Load.Count.values().length], new Probe.Found("a", "b", accepted, judged)));
        }
        return samples;
    }

    private static List<String> wrong(List<Sample> samples) {
        return Verdict.of(samples, Verdict.WARM_UP, 1).wrong();
    }

    @Test
    void whatStaysAroundItsLevelIsFlat() {
        assertEquals(List.of(), wrong(samples(null, 0, 0)));
        // Less over the whole run than is allowed, and a fall.
        assertEquals(List.of(), wrong(samples(Quantity.ANONYMOUS, 4, 0)));
        assertEquals(List.of(), wrong(samples(Quantity.HEAP, -20, 0)));
    }

    @Test
    void eachQuantityThatGrowsIsNamed() {
        for (Quantity quantity : Quantity.values()) {
            if (quantity != Quantity.CODE) {
                List<String> wrong = wrong(samples(quantity, 2 * quantity.mostRise, 0));
                assertEquals(1, wrong.size(), quantity + ": " + wrong);
                assertTrue(wrong.getFirst().startsWith(quantity.words + " grows: by "), wrong::toString);
            }
        }
    }

    @Test
    void whatGrowsInTheWarmUpAloneIsLeftOut() {
        List<Sample> samples = samples(null, 0, 0);
        for (int i = 0; i < SAMPLES * Verdict.WARM_UP; i++) {
            samples.get(i).values().compute(Quantity.ANONYMOUS, (quantity, value) -> value - 60);
        }
        assertEquals(List.of(), wrong(samples));
        assertFalse(Verdict.of(samples, 0, 1).wrong().isEmpty());
    }

    @Test
    void acceptanceThatChangesIsNamed() {
        assertTrue(wrong(samples(null, 0, 0.12)).getFirst().startsWith("sampled acceptance drifts"), "0.12 in two hours");
        assertTrue(wrong(samples(null, 0, -0.12)).getFirst().startsWith("sampled acceptance drifts"), "-0.12 in two hours");
        List<Sample> samples = samples(null, 0, 0);
        Sample one = samples.get(60);
        samples.set(60, new Sample(one.hours(), one.processor(), one.values(), one.work(), new Probe.Found("c", "b", 7, 10)));
        assertEquals(List.of("greedy acceptance changes: [a, c]"), wrong(samples));
        samples.set(60, new Sample(one.hours(), one.processor(), one.values(), one.work(), new Probe.Found("a", "c", 7, 10)));
        assertEquals(List.of("sampled acceptance of one seed changes: [b, c]"), wrong(samples));
        // Not the same on the engine that lives and on the one just opened, each time.
        samples.replaceAll(s -> new Sample(s.hours(), s.processor(), s.values(), s.work(), new Probe.Found("a/c", "b", 7, 10)));
        assertTrue(wrong(samples).contains("greedy acceptance changes: [a/c]"), () -> wrong(samples).toString());
    }

    /** By hand: 2.2 + 0.6 x, squared distances 2.4 in all, and the x are 10 squared from their mean: sqrt(2.4 / 3 / 10). */
    @Test
    void theLineIsTheOneOfLeastSquares() {
        Trend trend = Trend.of(new double[] {1, 2, 3, 4, 5}, new double[] {2, 4, 5, 4, 5});
        assertEquals(0.6, trend.slope(), 1e-12);
        assertEquals(Math.sqrt(0.08), trend.error(), 1e-12);
        assertEquals(2.4, trend.rise(), 1e-12);
    }

    @Test
    void aSampleIsReadAsItWasWritten() {
        Sample sample = samples(Quantity.FILES, 1, 0).get(3);
        sample.work()[2] = 9;
        Sample read = Sample.parse(sample.line());
        assertEquals(sample.values(), read.values());
        assertTrue(Arrays.equals(sample.work(), read.work()));
        assertEquals(sample.acceptance(), read.acceptance());
        assertEquals(List.of(sample.hours(), sample.processor()), List.of(read.hours(), read.processor()));
    }

    // ------------------------------------------------------------------------------------------------ time

    @Test
    void timeInWhichTheProcessWasStoppedDoesNotCount() {
        var clock = new RunningClock(5);
        clock.tick(5 + 200_000_000L);
        assertEquals(0.2, clock.seconds(), 1e-9);
        clock.tick(5 + 3_600_000_000_000L);
        assertEquals(0.45, clock.seconds(), 1e-9);
    }

    @Test
    void theShareOfTheProcessorIsKeptAndStarvationIsNotMadeUpFor() {
        var throttle = new Throttle(0.25);
        double used = 0;
        for (int second = 1; second <= 100; second++) {
            used += throttle.allows(second, used) ? 1 : 0;
        }
        assertEquals(25, used, Throttle.MOST_SAVED + 1);
        // An hour without a processor, and then as many seconds as there are.
        double later = used;
        for (int second = 3701; second <= 3720; second++) {
            later += throttle.allows(second, later) ? 1 : 0;
        }
        assertEquals(5, later - used, Throttle.MOST_SAVED + 1);
        assertTrue(new Throttle(1).allows(1, 1000));
    }
}
