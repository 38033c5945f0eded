package adaspec.launcher;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;

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

    private static int runThere(List<String> command) throws InterruptedException {
        Process child;
        try {
            child = new ProcessBuilder(command).inheritIO().start();
        } catch (IOException e) {
            System.err.println("error: cannot start " + command.get(0) + ": " + e.getMessage());
            return 1;
        }
        // Ctrl-C in a terminal reaches the child too, `kill` of this process does not: both are passed on, as a request to end, and the
        // child takes two signals within a second for one. This process lives until the child has finished and then ends with its code.
        boolean[] interrupted = {false};
        onSignal("INT", signal -> {
            interrupted[0] = true;
            child.destroy();
        });
        onSignal("TERM", signal -> child.destroy());
        // For every other end of this process, such as a hang-up.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (child.isAlive()) {
                child.destroy();
                try {
                    child.waitFor();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));
        int code = child.waitFor();
        return interrupted[0] && code == 128 + 15 ? 128 + 2 : code;
    }

    /**
     * Handles a signal. {@code sun.misc.Signal} is in every JDK (module jdk.unsupported) and is the only way for this process to stay until
     * its child has finished; it is named by reflection because javac warns of it. In a runtime that was trimmed of it the hook has to do.
     */
    private static void onSignal(String name, Consumer<Object> action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(Launcher.class.getClassLoader(), new Class<?>[] {handler}, (self, method, args) -> {
                if (method.getName().equals("handle")) {
                    action.accept(args[0]);
                }
                return null;
            });
            signal.getMethod("handle", signal, handler).invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            // Without it the shutdown hook ends the child.
        }
    }
}
