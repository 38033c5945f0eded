package adaspec.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.Processes;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LauncherTest {

    @Test
    void theChildGetsThisJvmsOptionsOnceAndTheArgumentsUntouched() {
        List<String> command = Launcher.command(
                Path.of("/jdk/bin/java"),
                List.of("-Xmx2g", "-Dname=a b", "-Dfrom=environment"),
                "null -Dfrom=environment",
                "/some/adaspec-engine.jar",
                new String[] {"generate", "--prompt", "-Xmx1g *"});
        assertEquals(
                List.of("/jdk/bin/java", "-Xmx2g", "-Dname=a b", "--enable-native-access=ALL-UNNAMED", "-cp", "/some/adaspec-engine.jar",
                        "adaspec.cli.Main", "generate", "--prompt", "-Xmx1g *"),
                command);
    }

    @Test
    void onThisJavaTheEngineRunsInTheSameProcessAndNothingIsSaidOnStandardError() throws Exception {
        var ended = Processes.run(Processes.java("adaspec.launcher.Launcher", "--version"));
        assertEquals("", ended.err());
        assertTrue(ended.out().startsWith("adaspec-engine "), ended.out());
        assertEquals(0, ended.code());
        assertEquals(2, Processes.run(Processes.java("adaspec.launcher.Launcher", "--no-such-option")).code());
    }

    /** Java would read question marks and the engine would continue another prompt than the one that was typed. */
    @Test
    void argumentsThatTheLocaleCannotHoldAreRefused() throws Exception {
        byte[] bytes = "--prompt\u0000\u674e".getBytes(StandardCharsets.UTF_8);
        assertTrue(Launcher.isGarbled("ANSI_X3.4-1968", bytes));
        assertFalse(Launcher.isGarbled("UTF-8", bytes));
        assertFalse(Launcher.isGarbled("ISO-8859-1", bytes));
        assertFalse(Launcher.isGarbled("ANSI_X3.4-1968", "--prompt\u0000a".getBytes(StandardCharsets.UTF_8)));
        assertFalse(Launcher.isGarbled(null, bytes));
        assertFalse(Launcher.isGarbled("no-such-encoding", bytes));

        List<String> command = Processes.java("adaspec.launcher.Launcher", "--version");
        // The shell makes the character: this test's own locale may be unable to pass it on.
        String script = "exec \"$@\" \"$(printf '\\346\\235\\216')\"";
        for (boolean utf8 : new boolean[] {false, true}) {
            var line = new java.util.ArrayList<>(List.of("env", utf8 ? "LC_ALL=C.UTF-8" : "LC_ALL=C", "sh", "-c", script, "sh"));
            line.addAll(command);
            var ended = Processes.run(line);
            assertEquals(!utf8, ended.code() == 1, ended.err());
            assertEquals(!utf8, ended.err().contains("LC_ALL=C.UTF-8"), ended.err());
        }
    }

    /** A prompt in Latin-1 typed in a UTF-8 terminal. */
    @Test
    void argumentsThatAreNotUtf8AreFoundOut() {
        byte[] latin = "--prompt\u0000\u00e9".getBytes(StandardCharsets.ISO_8859_1);
        assertTrue(Launcher.isBroken("UTF-8", latin));
        assertFalse(Launcher.isBroken("ISO-8859-1", latin));
        assertFalse(Launcher.isBroken(null, latin));
        assertFalse(Launcher.isBroken("UTF-8", "--prompt\u0000\u00e9\u6f22".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void onAnOlderJavaTheEngineRunsOnANewerOne() throws Exception {
        Path old = olderJava();
        for (String[] arguments : new String[][] {{"--version"}, {"no-such-command"}}) {
            var here = Processes.run(Processes.java("adaspec.launcher.Launcher", arguments[0]));
            List<String> command = Processes.java("adaspec.launcher.Launcher", arguments[0]);
            command.set(0, old.toString());
            var there = Processes.run(command);
            assertEquals(here, there);
        }
    }

    /** SIGTERM to the parent alone must reach the child, be waited for, and leave with the child's code and no orphan. */
    @ParameterizedTest
    @CsvSource({"TERM", "INT", "HUP"})
    void aSignalToTheParentReachesTheChild(String signal) throws Exception {
        Process parent = Processes.start(Processes.java("adaspec.launcher.LauncherTest$Parent"));
        try (BufferedReader reader = parent.inputReader()) {
            String line = Processes.readUntil(reader, "child ").getLast();
            ProcessHandle child = ProcessHandle.of(Long.parseLong(line.substring("child ".length()))).orElseThrow();
            Processes.signal(signal, parent.pid());
            Processes.readUntil(reader, "child ends");
            int code = Processes.waitFor(parent);
            assertFalse(child.isAlive());
            // A hang-up ends the parent by its shutdown hook, which cannot choose the code.
            assertEquals(signal.equals("HUP") ? 128 + 1 : 7, code);
        } finally {
            parent.descendants().forEach(ProcessHandle::destroyForcibly);
            parent.destroyForcibly();
        }
    }

    /** Runs {@link Child} as the launcher runs the engine. */
    static final class Parent {
        public static void main(String[] arguments) throws Exception {
            System.exit(Launcher.runThere(Processes.java("adaspec.launcher.LauncherTest$Child")));
        }
    }

    /** Waits to be ended, and takes a while to end. */
    static final class Child {
        public static void main(String[] arguments) throws Exception {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    Thread.sleep(300);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                System.out.println("child ends");
                System.out.flush();
                Runtime.getRuntime().halt(7);
            }));
            System.out.println("child " + ProcessHandle.current().pid());
            System.out.flush();
            Thread.sleep(20_000);
        }
    }

    private static Path olderJava() throws Exception {
        Path folder = Path.of("/usr/lib/jvm");
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> homes = Files.newDirectoryStream(folder)) {
                for (Path home : homes) {
                    var java = JavaFinder.read(home);
                    if (java.isPresent() && java.get().version().feature() >= 17 && java.get().version().feature() < Launcher.REQUIRED) {
                        return java.get().executable();
                    }
                }
            }
        }
        return Assumptions.abort("no Java from 17 to 24 is installed in " + folder);
    }
}
