package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The policy in a world whose costs and acceptances are given: no model runs and no clock is read. */
class AutoDraftLengthTest {
    private static final double STEP = 1e6; // nanoseconds of a target's step of one row

    /** What decoding costs and brings; tokens are accepted by chance. */
    private static final class World {
        private final Random random = new Random(1);
        private final double draft; // c
        private final IntToDoubleFunction target; // steps, of rows
        private double acceptance;
        /** How much the draft knows of its own chances: 0 nothing; 1: it is sure of the tokens that will be accepted, and of no others. */
        private double insight;
        /** Times are off by this factor, up or down. */
        private double noise = 1;

        long tokens;
        long rounds;
        long drafted;
        long probed; // drafts of a time when speculation did not pay
        double steps; // spent
        private int unread;

        World(double draft, IntToDoubleFunction target, double acceptance) {
            this.draft = draft;
            this.target = target;
            this.acceptance = acceptance;
        }

        void run(DraftLength lengths, int count) {
            long until = tokens + count;
            while (tokens < until) {
                int most = lengths.next(unread);
                if (most == 0) {
                    lengths.alone(nanos(1));
                    steps += 1;
                    tokens++;
                    unread++;
                    continue;
                }
                double reading = unread > 1 ? unread * draft / 4 : 0;
                int length = 0;
                int accepted = 0;
                boolean standing = true;
                boolean more = true;
                while (more) {
                    boolean good = random.nextDouble() < acceptance;
                    double confidence = random.nextDouble() < insight ? good ? 0.95 : 0.05 : random.nextDouble();
                    length++;
                    standing &= good;
                    accepted += standing ? 1 : 0;
                    more = length < most && lengths.goesOn(confidence);
                }
                lengths.drafted(length, nanos(length * draft), nanos(reading));
                lengths.verified(length, accepted, nanos(target.applyAsDouble(length + 1)));
                steps += reading + length * draft + target.applyAsDouble(length + 1);
                tokens += accepted + 1;
                rounds++;
                drafted += length;
                unread = 0;
            }
        }

        private long nanos(double steps) {
            return (long) (steps * STEP * Math.pow(noise, 2 * random.nextDouble() - 1));
        }

        double speedup() {
            return tokens / steps;
        }

        double meanLength() {
            return (double) drafted / rounds;
        }

        /** Of drafts of g tokens that are accepted independently. */
        double theory(int g) {
            double tokens = 1;
            for (int i = 1; i <= g; i++) {
                tokens += Math.pow(acceptance, i);
            }
            return tokens / (g == 0 ? 1 : g * draft + target.applyAsDouble(g + 1));
        }

        int best() {
            int best = 0;
            for (int g = 1; g <= AutoDraftLength.LONGEST; g++) {
                best = theory(g) > theory(best) ? g : best;
            }
            return best;
        }
    }

    private static IntToDoubleFunction line(double slope) {
        return rows -> 1 + slope * (rows - 1);
    }

    /** Confidence says nothing here: the best fixed length is the best there is. */
    @ParameterizedTest
    @CsvSource({"0.05, 0.00, 0.9", "0.05, 0.02, 0.8", "0.05, 0.10, 0.8", "0.10, 0.05, 0.7", "0.20, 0.05, 0.6", "0.30, 0.02, 0.8", "0.02, 0.3, 0.95"})
    void itFindsTheBestLength(double c, double slope, double a) {
        World world = new World(c, line(slope), a);
        var lengths = new AutoDraftLength();
        world.run(lengths, 2_000);
        World settled = new World(c, line(slope), a);
        settled.run(lengths, 20_000);
        double theory = settled.theory(settled.best());
        assertTrue(settled.speedup() > 0.96 * theory, "speed-up " + settled.speedup() + " of " + theory + ", drafts of " + settled.meanLength()
                + " of " + settled.best());
        assertEquals(settled.best(), settled.meanLength(), 0.35 * settled.best() + 0.5);
        assertTrue(world.speedup() > 0.9 * theory, "and learning it costs little: " + world.speedup() + " of " + theory);
    }

    /** A kernel that works on eight rows at a time: the seventh drafted token is nearly free, the eighth is not. */
    @Test
    void itSeesStepsInTheCostOfVerifying() {
        IntToDoubleFunction tiles = rows -> Math.ceil(rows / 8.0) * 0.9 + 0.1;
        World world = new World(0.02, tiles, 0.85);
        assertEquals(7, world.best());
        var lengths = new AutoDraftLength();
        world.run(lengths, 4_000);
        World settled = new World(0.02, tiles, 0.85);
        settled.run(lengths, 20_000);
        assertTrue(settled.speedup() > 0.95 * settled.theory(7), settled.speedup() + " of " + settled.theory(7) + ", drafts of " + settled.meanLength());
    }

    /** With a draft that knows when it is wrong, stopping early beats every fixed length. */
    @Test
    void itStopsWhereTheDraftIsUnsure() {
        World world = new World(0.1, line(0.05), 0.75);
        world.insight = 0.9;
        world.run(new AutoDraftLength(), 20_000);
        double fixed = world.theory(world.best());
        assertTrue(world.speedup() > 1.1 * fixed, world.speedup() + " against " + fixed + " of the best fixed length");
    }

    /** Hopeless drafts, cheap and dear, with clocks that are off by half: the account keeps its promise, from the first token on. */
    @ParameterizedTest
    @CsvSource({"0.02, 0", "0.05, 0.02", "0.2, 0", "0.2, 0.15", "0.5, 0", "0.5, 0.3", "0.9, 0.5", "1.5, 0.9"})
    void itIsNeverMuchSlowerThanTheTargetAlone(double c, double a) {
        for (double noise : new double[] {1, 1.5}) {
            World world = new World(c, line(0.1), a);
            world.noise = noise;
            var lengths = new AutoDraftLength();
            world.run(lengths, 256);
            assertTrue(world.speedup() > 0.95, "speed-up " + world.speedup() + " over 256 tokens");
            world.run(lengths, 20_000);
            assertTrue(world.speedup() > 0.975, "speed-up " + world.speedup() + " over all, " + world.rounds + " rounds");
        }
    }

    @Test
    void probesAreCounted() {
        World world = new World(0.05, line(0.1), 0);
        var lengths = new AutoDraftLength();
        world.run(lengths, 100);
        long first = world.rounds;
        assertTrue(first <= 12, first + " rounds to give up");
        world.run(lengths, 20_000);
        assertTrue(world.rounds - first <= 8 + 20_000 / 256, world.rounds - first + " probes");
        assertTrue(world.rounds - first >= 20, "but it goes on asking: " + (world.rounds - first));
    }

    @Test
    void itResumesWhenAcceptanceRises() {
        World world = new World(0.05, line(0.05), 0);
        var lengths = new AutoDraftLength();
        world.run(lengths, 5_000);
        World better = new World(0.05, line(0.05), 0.85);
        better.run(lengths, 3_000);
        assertTrue(better.speedup() > 0.75 * better.theory(better.best()), better.speedup() + " of " + better.theory(better.best()));
        World worse = new World(0.05, line(0.05), 0.02);
        worse.run(lengths, 1_000);
        assertTrue(worse.speedup() > 0.97, "and stops again: " + worse.speedup());
    }

    /** A draft as dear as its target cannot pay, whatever is accepted: after the first it is not asked again. */
    @Test
    void aDraftThatCannotPayIsNotProbed() {
        World world = new World(1.1, line(0), 1);
        world.run(new AutoDraftLength(), 5_000);
        assertEquals(1, world.rounds);
    }

    /** Without the account the model alone would draft on: a stretch of slow steps must not make it trust in vain. */
    @Test
    void theAccountBoundsWhatAWrongModelLoses() {
        World world = new World(0.3, line(0.1), 0.1);
        var lengths = new AutoDraftLength();
        double before = 0;
        for (int i = 0; i < 200; i++) {
            int most = lengths.next(0);
            before += 1;
            if (most == 0) {
                // The clock says that the target alone takes ten times what it does.
                lengths.alone((long) (10 * STEP));
                world.steps += 1;
                world.tokens++;
                continue;
            }
            lengths.drafted(1, (long) (0.3 * STEP), 0);
            lengths.verified(1, 0, (long) (12 * STEP));
            world.steps += 1 + 0.3 + 1;
            world.tokens++;
            world.rounds++;
        }
        assertTrue(world.rounds < 30, world.rounds + " rounds of " + before);
    }
}
