package adaspec.launcher;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * What {@code java -jar} starts. Compiled for Java 17, so that the engine, which needs Java {@value #REQUIRED}, also starts where
 * {@code java} on the PATH is older: the launcher then finds a newer one on this machine and runs the engine there as a child process
 * that has its terminal, its JVM options and its exit code.
 */
public final class Launcher {
    /** The oldest Java that runs the engine. */
    static final int REQUIRED = 25;

    private static final String MAIN = "adaspec.cli.Main";

    private Launcher() {}

    public static void main(String[] arguments) throws Exception {
        String encoding = System.getProperty("sun.jnu.encoding");
        if (isBroken(encoding, commandLine())) {
            System.err.println("error: the arguments are not valid UTF-8, and Java would read other characters; pass text and names as UTF-8");
            System.exit(1);
            return;
        }
        if (isGarbled(encoding, commandLine())) {
            System.err.println("error: the arguments have characters that this locale cannot hold, and Java would read question marks;"
                    + " set a UTF-8 locale, such as LC_ALL=C.UTF-8, and start again");
            System.exit(1);
            return;
        }
        if (Runtime.version().feature() >= REQUIRED) {
            runHere(arguments);
            return;
        }
        JavaFinder.Installation java;
        try {
            java = JavaFinder.ofThisMachine().find(REQUIRED);
        } catch (JavaFinder.NotFoundException e) {
            System.err.println("error: " + e.getMessage());
            System.exit(1);
            return;
        }
        List<String> command = command(
                java.executable(),
                ManagementFactory.getRuntimeMXBean().getInputArguments(),
                System.getenv("JDK_JAVA_OPTIONS") + " " + System.getenv("JAVA_TOOL_OPTIONS"),
                System.getProperty("java.class.path"),
                arguments);
        System.exit(runThere(command));
    }

    /**
     * Whether Java has lost characters of the arguments. In a locale without an encoding (no {@code LANG}, as in many containers, or {@code C}) it
     * replaces every byte beyond ASCII by a question mark, in prompts and in file names, and says nothing.
     *
     * @param encoding    by which Java decoded the arguments; may be null
     * @param commandLine the bytes that the system was given
     */
    static boolean isGarbled(String encoding, byte[] commandLine) {
        try {
            if (encoding == null || !Charset.forName(encoding).equals(StandardCharsets.US_ASCII)) {
                return false;
            }
        } catch (IllegalArgumentException e) {
            return false;
        }
        for (byte each : commandLine) {
            if (each < 0) {
                return true;
            }
        }
        return false;
    }

    /** Whether the arguments should be UTF-8 and are not: Java puts U+FFFD in the place of what it cannot read, and says nothing. */
    static boolean isBroken(String encoding, byte[] commandLine) {
        if (!"UTF-8".equalsIgnoreCase(encoding)) {
            return false;
        }
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(commandLine));
            return false;
        } catch (CharacterCodingException e) {
            return true;
        }
    }

    /** This process's command line as the system holds it; empty where it does not tell. */
    private static byte[] commandLine() {
        try {
            return Files.readAllBytes(Path.of("/proc/self/cmdline"));
        } catch (IOException e) {
            return new byte[0];
        }
    }

    /**
     * The child's command line.
     *
     * @param jvmOptions       what this JVM was given, {@code -Dname=value} and {@code -Xmx} among it
     * @param fromEnvironment  options that are in {@code jvmOptions} because of the environment, which the child inherits anyway
     */
    static List<String> command(
            Path java, List<String> jvmOptions, String fromEnvironment, String classPath, String[] arguments) {
        Collection<String> inherited = List.of(fromEnvironment.split("\\s+"));
        var command = new ArrayList<String>();
        command.add(java.toString());
        for (String option : jvmOptions) {
            if (!inherited.contains(option)) {
                command.add(option);
            }
        }
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-cp");
        command.add(classPath);
        command.add(MAIN);
        command.addAll(List.of(arguments));
        return command;
    }

    private static void runHere(String[] arguments) throws Exception {
        try {
            Class.forName(MAIN).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof Exception cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw e;
        }
    }

    /** Runs the child to its end with this process's streams, passes signals on to it, and returns its exit code. */
    static int runThere(List<String> command) throws InterruptedException {
        var relay = new Relay();
        // Before there is a child: a signal in between would otherwise end this process and leave the child alone.
        onSignal("INT", () -> relay.signalled(true));
        onSignal("TERM", () -> relay.signalled(false));
        // For every other end of this process, such as a hang-up.
        Runtime.getRuntime().addShutdownHook(new Thread(relay::end));
        try {
            relay.started(new ProcessBuilder(command).inheritIO().start());
        } catch (IOException e) {
            System.err.println("error: cannot start " + command.get(0) + ": " + e.getMessage());
            return 1;
        }
        return relay.waitFor();
    }

    /**
     * Hands signals to the child. Ctrl-C in a terminal reaches the child too, {@code kill} of this process does not: both are passed on, as
     * a request to end, and the child takes two signals within a second for one. This process lives until the child has finished and then
     * ends with its code.
     */
    private static final class Relay {
        private Process child;
        private boolean ending;
        private boolean interrupted;

        synchronized void signalled(boolean interrupt) {
            ending = true;
            interrupted |= interrupt;
            if (child != null) {
                child.destroy();
            }
        }

        synchronized void started(Process process) {
            child = process;
            if (ending) {
                child.destroy();
            }
        }

        int waitFor() throws InterruptedException {
            int code = child.waitFor();
            synchronized (this) {
                return interrupted && code == 128 + 15 ? 128 + 2 : code;
            }
        }

        void end() {
            Process running;
            synchronized (this) {
                running = child;
            }
            if (running != null && running.isAlive()) {
                running.destroy();
                try {
                    running.waitFor();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    /**
     * Handles a signal. {@code sun.misc.Signal} is in every JDK (module jdk.unsupported) and is the only way for this process to stay until
     * its child has finished; it is named by reflection because javac warns of it. In a runtime that was trimmed of it the hook has to do.
     */
    private static void onSignal(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(Launcher.class.getClassLoader(), new Class<?>[] {handler}, (self, method, args) -> {
                if (method.getName().equals("handle")) {
                    action.run();
                }
                return null;
            });
            Method handle = signal.getMethod("handle", signal, handler);
            Object named = signal.getConstructor(String.class).newInstance(name);
            Object previous = handle.invoke(null, named, proxy);
            if (previous == handler.getField("SIG_IGN").get(null)) {
                // A background job of a script: what its shell ignores for it stays ignored.
                handle.invoke(null, named, previous);
            }
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            // Without it the shutdown hook ends the child.
        }
    }
}
