package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import java.io.BufferedReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InterruptsTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void theFirstSignalAsksItsEchoIsIgnoredAndTheSecondKills() {
        var kills = new AtomicInteger();
        try (var interrupts = new Interrupts(new PrintStream(OutputStream.nullOutputStream()), kills::incrementAndGet)) {
            assertFalse(interrupts.getAsBoolean());
            interrupts.signalled(-5 * SECOND);
            assertTrue(interrupts.getAsBoolean());
            interrupts.signalled(-5 * SECOND + SECOND / 2);
            assertEquals(0, kills.get());
            interrupts.signalled(-3 * SECOND);
            assertEquals(1, kills.get());
        }
    }

    @ParameterizedTest
    @CsvSource({"INT", "TERM"})
    void aSignalLetsTheStepFinishAndTheExitCodeIs130(String signal) throws Exception {
        Process process = Processes.start(Processes.java("adaspec.cli.InterruptsTest$Training", "finish"));
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            Processes.readUntil(reader, "step 1");
            Processes.signal(signal, process.pid());
            Processes.readUntil(reader, "checkpoint written");
            assertEquals(Main.INTERRUPTED, Processes.waitFor(process));
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void theSecondSignalEndsAStepThatDoesNotFinish() throws Exception {
        Process process = Processes.start(Processes.java("adaspec.cli.InterruptsTest$Training", "hang"));
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            Processes.readUntil(reader, "step 1");
            Processes.signal("INT", process.pid());
            Processes.readUntil(reader, "interrupted:");
            Thread.sleep(1_200);
            Processes.signal("INT", process.pid());
            Processes.readUntil(reader, "killed:");
            assertEquals(137, Processes.waitFor(process));
        } finally {
            process.destroyForcibly();
        }
    }

    /** Once closed, the signals mean what they meant before. */
    @Test
    void closedTheSignalEndsTheProcessAsUsual() throws Exception {
        Process process = Processes.start(Processes.java("adaspec.cli.InterruptsTest$Training", "closed"));
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            Processes.readUntil(reader, "step 1");
            Processes.signal("TERM", process.pid());
            assertEquals(128 + 15, Processes.waitFor(process));
        } finally {
            process.destroyForcibly();
        }
    }

    /** A training loop in small. */
    static final class Training {
        public static void main(String[] arguments) throws Exception {
            var interrupts = Interrupts.listen(System.err);
            if (arguments[0].equals("closed")) {
                interrupts.close();
                interrupts.close();
            }
            System.out.println("step 1");
            System.out.flush();
            for (int i = 0; i < 2_000; i++) {
                Thread.sleep(50);
                if (interrupts.getAsBoolean() && arguments[0].equals("finish")) {
                    System.out.println("checkpoint written");
                    System.exit(Main.INTERRUPTED);
                }
            }
        }
    }
}
