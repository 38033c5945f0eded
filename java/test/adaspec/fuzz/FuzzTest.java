package adaspec.fuzz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Damaged files of every kind end in a clear sentence or do no harm: 500 of each kind here, 100 of folders, and any number with
 * {@code bench/fuzz/fuzz.sh}, which begins with these.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FuzzTest {
    private static final int INPUTS = 500;
    private static final long LIMIT_MILLIS = 5000;

    private Fuzzer fuzzer;

    @BeforeAll
    void start() throws Exception {
        fuzzer = new Fuzzer(Fuzz.SEED, LIMIT_MILLIS);
    }

    @AfterAll
    void end() throws Exception {
        fuzzer.close();
    }

    static List<String> targets() {
        return Targets.ALL.stream().map(Target::name).toList();
    }

    @ParameterizedTest
    @MethodSource("targets")
    void damagedFilesEndInASentenceOrDoNoHarm(String name) throws Exception {
        Target target = Targets.named(name);
        var tally = new FuzzTally(name);
        // What is used by a whole run takes as long.
        int inputs = Targets.FILES.contains(target) ? INPUTS : INPUTS / 5;
        while (tally.inputs() < inputs) {
            tally.add(fuzzer.use(target, tally.inputs()));
        }
        assertEquals(List.of(), tally.findings());
        // Damage that is never noticed, or never anything but noticed, is not the damage that finds mistakes.
        assertTrue(tally.count(Outcome.Kind.REFUSED) > inputs / 20, tally::row);
        assertTrue(tally.count(Outcome.Kind.ACCEPTED) > inputs / 100, tally::row);
    }

    /** In time and within the bound on memory, both of which a few bytes could not show. */
    @Test
    void largeFilesTakeBoundedTimeAndMemory() throws Exception {
        List<String> findings = new ArrayList<>();
        for (Target target : LargeFiles.ALL) {
            for (int index = 0; index < LargeFiles.FORMS; index++) {
                Outcome outcome = fuzzer.use(target, index);
                if (!outcome.isClean()) {
                    findings.add(target.name() + " " + index + ": " + outcome.kind() + " " + outcome.detail());
                }
            }
        }
        assertEquals(List.of(), findings);
    }

    /** A planted mistake of each kind is found, and named for what it is; the fuzzer goes on with a new child after each. */
    @Test
    void plantedMistakesAreFound() throws Exception {
        Map<Target, Outcome.Kind> expected = Map.of(
                Planted.NULL_POINTER, Outcome.Kind.THREW,
                Planted.STACK, Outcome.Kind.THREW,
                Planted.HANG, Outcome.Kind.HUNG,
                Planted.EXIT, Outcome.Kind.DIED,
                Planted.SEGMENTATION_FAULT, Outcome.Kind.DIED,
                Planted.GARBAGE, Outcome.Kind.MEMORY,
                Planted.NATIVE_MEMORY, Outcome.Kind.MEMORY,
                Planted.HEAP, Outcome.Kind.THREW,
                Planted.NO_FILE, Outcome.Kind.UNCLEAR,
                Planted.EXCEPTION_TEXT, Outcome.Kind.UNCLEAR);
        assertEquals(Planted.ALL.size(), expected.size());
        // Filling a heap takes seconds on a busy machine, and is not to be taken for hanging.
        try (Fuzzer strict = new Fuzzer(1, 1000);
                Fuzzer patient = new Fuzzer(1, 30_000)) {
            for (Target target : Planted.ALL) {
                List<Outcome.Kind> kinds = new ArrayList<>();
                for (int index = 0; index < 6; index++) {
                    kinds.add((target == Planted.HANG ? strict : patient).use(target, index).kind());
                }
                assertTrue(kinds.contains(Outcome.Kind.ACCEPTED), target.name() + ": " + kinds);
                assertTrue(kinds.contains(expected.get(target)), target.name() + ": " + kinds);
                kinds.removeAll(List.of(Outcome.Kind.ACCEPTED, expected.get(target)));
                assertEquals(List.of(), kinds, target.name());
            }
        }
    }

    @Test
    void inputsAreTheSameForTheSameSeedAndOthersForAnother(@TempDir Path folder) throws Exception {
        for (Target target : Targets.ALL) {
            List<byte[]> good = target.prepare().in(folder.resolve(target.name()));
            int different = 0;
            for (int index = 0; index < 50; index++) {
                assertArrayEquals(target.input(good, 1, index), target.input(good, 1, index));
                different += java.util.Arrays.equals(target.input(good, 1, index), target.input(good, 2, index)) ? 0 : 1;
            }
            assertTrue(different > 40, target.name());
            assertFalse(java.util.Arrays.equals(target.input(good, 1, 0), target.input(good, 1, 1)), target.name());
        }
    }
}
