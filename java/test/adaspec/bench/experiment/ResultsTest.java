package adaspec.bench.experiment;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

/** The page of results from states of the experiment with counts of known rates. */
class ResultsTest {
    private static final int PROMPTS = 40;

    @TempDir
    private Path folder;

    private Path state;

    @BeforeEach
    void begin() throws IOException {
        state = folder.resolve("state");
        Files.createDirectories(state.resolve("gsm8k/target"));
        Files.writeString(state.resolve("gsm8k/target/metrics.jsonl"), "{\"eval/loss\":2.5}\n{\"step\":1}\n{\"eval/loss\":1.5}\n");
    }

    /** On average {@code accepted} of ten judged tokens, up to two more or fewer from prompt to prompt, alike for all arms. */
    private void measured(String arm, int seed, int accepted) throws IOException {
        int[] counts = IntStream.range(0, PROMPTS).map(i -> accepted + i % 5 - 2).toArray();
        int[] rejected = Arrays.stream(counts).map(c -> 10 - c).toArray();
        int[] ten = new int[PROMPTS];
        Arrays.fill(ten, 10);
        Path seedFolder = Files.createDirectories(state.resolve("gsm8k").resolve(Integer.toString(seed)));
        String tokens = "\"tokens\":" + Arrays.toString(ten) + ",\"spec_steps\":" + Arrays.toString(ten);
        String judged = "\"accepted\":" + Arrays.toString(counts) + ",\"rejected\":" + Arrays.toString(rejected);
        String laws = "\"positions\":" + Arrays.toString(ten) + ",\"acceptance\":" + Arrays.toString(counts);
        Files.writeString(seedFolder.resolve(arm + ".json"), "{\"prompt_counts\":{" + tokens + "," + judged + "," + laws + "}}");
        Path run = Files.createDirectories(seedFolder.resolve(arm));
        Files.writeString(run.resolve("all_results.json"), "{\"stages\":[{\"name\":\"x\",\"steps\":94,\"tokens\":345678}]}");
        String step = "gsm8k/" + seed + "/" + arm;
        Files.writeString(state.resolve("times.tsv"), step + "\t90\t5\tstopped, 130\n" + step + "\t9\t7\tdone\n", CREATE, APPEND);
    }

    private String page() throws IOException {
        Path page = folder.resolve("results/experiment");
        Results.write(state, page);
        return Files.readString(Path.of(page + ".md"));
    }

    @Test
    void anEmptyStateSaysSo() throws IOException {
        assertTrue(page().contains("Nothing yet: no arm has been measured."));
        Files.delete(state.resolve("gsm8k/target/metrics.jsonl"));
        assertTrue(page().contains("The target is not fine-tuned yet."));
        assertThrows(InputException.class, () -> Results.write(folder.resolve("nowhere"), folder.resolve("page")));
    }

    /** Above DistillSpec at equal tokens and not above the best one: nothing that the method could claim. */
    @Test
    void adaspecHasToBeatTheBestDistillSpec() throws IOException {
        for (int seed = 0; seed < 3; seed++) {
            measured("equal-steps", seed, 4);
            measured("equal-tokens", seed, 5);
            measured("whole-budget", seed, 7);
            measured("adaspec", seed, 6);
            measured("random", seed, 5);
        }
        String page = page();
        assertTrue(page.contains("gsm8k: AdaSPEC is below the best DistillSpec (whole-budget) (alpha -0.1000 [-0.1000, -0.1000], 3 seeds);"
                + " AdaSPEC is above 40 % by lot (alpha +0.1000 [+0.1000, +0.1000], 3 seeds)."), page);
        String tenth = "+0.1000 [+0.1000, +0.1000]";
        String row = "| adaspec - equal-tokens | 3 | +0.1000 | [+0.1000, +0.1000] | [+0.1000, +0.1000] | +0.1000 +0.1000 +0.1000 | "
                + tenth + " | " + tenth + " |";
        assertTrue(page.contains("| random - equal-tokens | 3 | +0.0000 | "), page);
        assertFalse(page.contains("| bottom - "), page);
        assertTrue(page.contains(row), page);
        assertTrue(page.contains("Not run yet: untrained, no-compensation, bottom, lk, adaspec-lk."), page);
        // Own stage 345,678 tokens, the reference's as many, and it is asked in the own stage; the target is asked in both.
        assertTrue(page.contains("| 94 | 345,678 | 345,678 + 345,678 | 691,356 | 24 |"), page);
        assertTrue(page.contains("| 94 | 345,678 | - | 345,678 | 12 |"), page);
        assertTrue(page.contains("cross entropy on held-out training samples after fine-tuning: 1.500"), page);
    }

    /** By prompts alone two seeds that happen to agree would look like evidence about seeds. */
    @Test
    void twoSeedsThatDifferShowLittle() throws IOException {
        measured("equal-tokens", 0, 4);
        measured("equal-tokens", 1, 5);
        for (int seed = 0; seed < 2; seed++) {
            measured("adaspec", seed, 6);
        }
        String page = page();
        assertTrue(page.contains("AdaSPEC was above equal-tokens, the best of the DistillSpec arms run so far"
                + " with these seeds, too few to say so of others (alpha +0.1500 [+0.1000, +0.2000], 2 seeds,"
                + " by the seeds alone [-0.4853, +0.7853])"), page);
    }

    /** Half of the texts loop, and there the arms are alike: the others decide. */
    @Test
    void textsThatEndInALoopAreToldAndLeftOut() throws IOException {
        for (int seed = 0; seed < 2; seed++) {
            measured("equal-tokens", seed, 5);
            measured("adaspec", seed, 6);
        }
        var texts = new StringBuilder();
        for (int i = 0; i < PROMPTS; i++) {
            int period = i % 2 == 0 ? 16 : 17;
            String ids = IntStream.range(0, 96).mapToObj(t -> String.valueOf(t % period)).collect(Collectors.joining(","));
            texts.append("{\"text\":\"text ").append(period).append("\",\"ids\":[").append(ids).append("]}\n");
        }
        Files.writeString(state.resolve("gsm8k/test.jsonl"), texts);
        String page = page();
        assertTrue(page.contains("For 40 test prompts it writes 2 different texts. 20 end in a loop"), page);
        assertTrue(page.contains("50 % of all tokens are in such texts.\nThe first that does not:\n\n    text 17\n"), page);
        // Of 40 prompts the odd ones: accepted 5 + i % 5 - 2 of 10.
        assertTrue(page.contains("| equal-tokens | 0 1 | 0.5000 [0."), page);
        assertTrue(page.contains("| +0.1000 [+0.1000, +0.1000] | [+0.1000, +0.1000] |"), page);
        Files.writeString(state.resolve("gsm8k/test.jsonl"), "{\"text\":\"\",\"ids\":[1]}\n" + texts);
        assertTrue(assertThrows(InputException.class, this::page).getMessage().contains("on 40 prompts; 41, as many as those of the target's texts"));
        Files.writeString(state.resolve("gsm8k/test.jsonl"), "{}\n");
        assertTrue(assertThrows(InputException.class, this::page).getMessage().contains("has no ids"));
    }

    @Test
    void aLoopIsItsTailAndNotItsBeginning() {
        int[] ids = IntStream.range(0, 200).toArray();
        assertFalse(TargetTexts.endsInLoop(ids));
        java.util.Arrays.fill(ids, 200 - TargetTexts.TAIL, 200, 7);
        assertTrue(TargetTexts.endsInLoop(ids));
        assertFalse(TargetTexts.endsInLoop(Arrays.copyOfRange(ids, 200 - TargetTexts.TAIL + 1, 200)), "shorter than a tail");
        ids[199] = 8;
        assertFalse(TargetTexts.endsInLoop(ids));
        ids[199] = 7;
        ids[200 - TargetTexts.TAIL] = 9;
        assertFalse(TargetTexts.endsInLoop(ids));
        assertFalse(TargetTexts.endsInLoop(new int[0]));
    }

    /** Seeds that only one of two arms has are no pair. */
    @Test
    void differencesAreTakenOverCommonSeeds() throws IOException {
        for (int seed = 0; seed < 3; seed++) {
            measured("equal-tokens", seed, 5 + seed);
        }
        measured("adaspec", 1, 6);
        measured("adaspec", 2, 8);
        String page = page();
        assertTrue(page.contains("| adaspec - equal-tokens | 2 | +0.0500 | [+0.0000, +0.1000] |"), page);
        assertTrue(page.contains("no difference between AdaSPEC and equal-tokens, the best of the DistillSpec arms run so far was shown"), page);
        assertTrue(page.contains("40 % by lot was not run yet"), page);
        assertTrue(page.contains("| equal-tokens | 0 1 2 | 0.6"), page);
    }

    /** The best is that of seeds which all have: with another seed each, the luckiest seed would be the best arm. */
    @Test
    void theBestDistillSpecIsChosenOverCommonSeeds() throws IOException {
        for (int seed = 0; seed < 3; seed++) {
            measured("equal-steps", seed, 5);
            measured("adaspec", seed, 6);
        }
        measured("equal-tokens", 0, 4);
        measured("equal-tokens", 1, 4);
        measured("equal-tokens", 2, 4);
        measured("equal-tokens", 3, 8);
        String best = "AdaSPEC is above equal-steps, the best of the DistillSpec arms run so far (alpha +0.1000 [+0.1000, +0.1000], 3 seeds)";
        assertTrue(page().contains(best));
    }

    /** An interval over the prompts of one seed is no interval over seeds. */
    @Test
    void oneSeedShowsNothing() throws IOException {
        measured("equal-tokens", 0, 5);
        measured("adaspec", 0, 6);
        String page = page();
        assertTrue(page.contains("by one seed only, which shows nothing over seeds (alpha +0.1000, over prompts [+0.1000, +0.1000])"), page);
        assertFalse(page.contains("AdaSPEC is above"), page);
    }

    @Test
    void theSweepAndThePlots() throws Exception {
        for (int seed = 0; seed < 2; seed++) {
            measured("equal-tokens", seed, 5);
            measured("adaspec", seed, 6);
            measured("k-0.1", seed, 4);
        }
        String page = page();
        int first = page.indexOf("| 0.1 | 0.4");
        assertTrue(first > 0 && page.indexOf("| 0.4 | 0.6") > first && page.indexOf("| 1.0 | 0.5") > first, page);
        assertTrue(page.contains("![k](experiment-k.svg)") && page.contains("![gsm8k](experiment-gsm8k.svg)"), page);
        for (String plot : new String[] {"k", "gsm8k"}) {
            String svg = Files.readString(folder.resolve("results/experiment-" + plot + ".svg"));
            DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
            assertFalse(svg.contains("NaN") || svg.contains("Infinity"), svg);
        }
        String svg = Files.readString(folder.resolve("results/experiment-gsm8k.svg"));
        assertTrue(svg.contains("equal-tokens") && svg.contains("0.1000 [0.1000, 0.1000]"), svg);
    }

    /** Nearer to convergence the order turns round, and that is told of its own: never mixed with the arms of one E. */
    @Test
    void armsOfMoreEpochsAreComparedWithEachOther() throws IOException {
        for (int seed = 0; seed < 3; seed++) {
            measured("equal-steps", seed, 4);
            measured("adaspec", seed, 3);
            measured("equal-steps-x6", seed, 6);
            measured("random-x6", seed, 6);
            measured("adaspec-x6", seed, 7);
        }
        measured("equal-steps-x6", 3, 8);
        String page = page();
        assertTrue(page.contains("- gsm8k: AdaSPEC is below equal-steps, the best of the DistillSpec arms run so far (alpha -0.1000"), page);
        assertTrue(page.contains("- gsm8k, 6 times the epochs: AdaSPEC is above equal-steps-x6, the best of the DistillSpec arms run so far"
                + " (alpha +0.1000 [+0.1000, +0.1000], 3 seeds); AdaSPEC is above 40 % by lot (alpha +0.1000"), page);
        assertTrue(page.contains("### 6 times the epochs"), page);
        assertTrue(page.contains("| equal-steps | 0.6000 [0."), page);
        String row = page.lines().filter(line -> line.startsWith("| adaspec | 0.7000 [0.")).findFirst().orElseThrow();
        assertTrue(row.contains("] | 0.3000 [0.") && row.endsWith(" | 94 | 345,678 | 345,678 + 345,678 | 691,356 | 24 |"), row);
        assertTrue(page.contains(" | +0.1000 [+0.1000, +0.1000] | [+0.1000, +0.1000] | +0.1000 +0.1000 +0.1000 | 0.6000 [0."), page);
    }

    @Test
    void promptsThatDifferAreRefused() throws IOException {
        measured("adaspec", 0, 6);
        measured("adaspec", 1, 6);
        Path file = state.resolve("gsm8k/1/adaspec.json");
        Files.writeString(file, "{\"prompt_counts\":{\"accepted\":[1],\"rejected\":[1],\"spec_steps\":[1],\"positions\":[1],\"acceptance\":[1]}}");
        String sentence = assertThrows(InputException.class, this::page).getMessage();
        assertTrue(sentence.contains("has 1 prompts, but seed 0 has 40"), sentence);
        Files.writeString(file, "{\"alpha\":0.5}");
        assertTrue(assertThrows(InputException.class, this::page).getMessage().contains("no prompt_counts"));
    }

    /** An arm that one side calls otherwise would be measured and not shown. */
    @Test
    void theArmsAreThoseOfTheScript() throws IOException {
        Path settings = Path.of(System.getProperty("basedir", ""), "bench", "experiment", "settings.sh");
        String arms = Files.readAllLines(settings).stream().filter(line -> line.startsWith("ARMS=(")).findFirst().orElseThrow();
        String expected = Arm.ALL.stream().map(Arm::name).filter(name -> !name.equals(Arm.UNTRAINED)).collect(Collectors.joining(" "));
        assertEquals("ARMS=(" + expected + ")", arms);
    }

    @Test
    void learningRatesAndTimesAreTold() throws IOException {
        measured("adaspec", 0, 6);
        Path tune = Files.createDirectories(state.resolve("tune"));
        Files.writeString(tune.resolve("adaspec-lk-2e-3.json"), "{\"alpha\":0.61,\"expected_acceptance\":0.6}");
        Files.writeString(tune.resolve("adaspec-lk-8e-4.json"), "{\"alpha\":0.6,\"expected_acceptance\":0.7}");
        Files.writeString(tune.resolve("adaspec-lk.rate"), "2e-3\n");
        Files.writeString(state.resolve("times.tsv"), "a\t1800\t3600\tdone\nb\t1800\t1800\tstopped, 130\n");
        String page = page();
        assertTrue(page.contains("| adaspec-lk | 2e-3 (chosen, the edge of the grid) | 0.6100 | 0.6000 |"), page);
        assertTrue(page.contains("| adaspec-lk | 8e-4 | 0.6000 | 0.7000 |"), page);
        assertTrue(page.contains("Steps done so far: 1, in 1.5 hours of processors; 1.0 hours of the steps' own time"), page);
        assertEquals(1, page.split("## Settings", -1).length - 1);
        Files.writeString(state.resolve("times.tsv"), "a\t1800\n");
        assertTrue(assertThrows(InputException.class, this::page).getMessage().contains("times.tsv has the line"));
    }
}
