package adaspec.cli;

import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Lets a long command end well: the first SIGINT (Ctrl-C) or SIGTERM only sets a flag, which the command looks at between steps; it then
 * writes its checkpoint and returns {@link Main#INTERRUPTED}. A second signal kills the process at once with exit code 137.
 *
 * <pre>{@code
 * try (var interrupts = Interrupts.listen(log())) {
 *     trainer.run(..., interrupts);          // a BooleanSupplier: asked after each step
 *     return interrupts.getAsBoolean() ? Main.INTERRUPTED : Main.OK;
 * }
 * }</pre>
 *
 * <p>Signals that come within a second are one: Ctrl-C in a terminal reaches the whole process group, so a process started by the launcher
 * gets it from the terminal and, passed on, from its parent; service managers do likewise with SIGTERM.
 *
 * <p>The mechanism is {@code sun.misc.Signal}, exported by module jdk.unsupported in every JDK and named by reflection since javac warns of
 * it. A shutdown hook could wait for the checkpoint too, but the JVM drops every further signal once its hooks run, so the second Ctrl-C
 * would do nothing. A signal that the parent shell set to be ignored (a background job of a script) stays ignored. In a runtime trimmed of
 * the module a signal ends the process at once, as without this class; files are whole then too, only the steps since the last checkpoint
 * are lost.
 */
public final class Interrupts implements AutoCloseable, BooleanSupplier {
    private static final long ONE_SIGNAL_NANOS = 1_000_000_000L;
    private static final int KILLED = 137;

    private record Handled(Object signal, Object previous) {}

    private final List<Handled> handled = new ArrayList<>();
    private final PrintStream log;
    private final Runnable kill;
    private long first;
    private volatile boolean requested;

    Interrupts(PrintStream log, Runnable kill) {
        this.log = log;
        this.kill = kill;
    }

    /** Handles SIGINT and SIGTERM until closed. */
    public static Interrupts listen(PrintStream log) {
        var interrupts = new Interrupts(log, () -> Runtime.getRuntime().halt(KILLED));
        interrupts.handle("INT");
        interrupts.handle("TERM");
        return interrupts;
    }

    /** Whether the command should come to an end after the step it is in. Any thread may ask. */
    @Override
    public boolean getAsBoolean() {
        return requested;
    }

    /** One signal has come, at {@code now} of {@link System#nanoTime}. */
    synchronized void signalled(long now) {
        if (!requested) {
            first = now;
            requested = true;
            log.println("interrupted: finishing this step and writing a checkpoint; press Ctrl-C again to stop at once");
        } else if (now - first > ONE_SIGNAL_NANOS) {
            log.println("killed: no checkpoint was written for this interruption");
            kill.run();
        }
    }

    /** Gives the signals back to whoever had them. Closing twice is calm. */
    @Override
    public void close() {
        for (Handled each : handled) {
            try {
                setHandler(each.signal(), each.previous());
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot give back a signal", e);
            }
        }
        handled.clear();
    }

    private void handle(String name) {
        try {
            Class<?> type = Class.forName("sun.misc.SignalHandler");
            Object signal = Class.forName("sun.misc.Signal").getConstructor(String.class).newInstance(name);
            Object handler = Proxy.newProxyInstance(Interrupts.class.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> switch (
                    method.getName()) {
                case "handle" -> {
                    signalled(System.nanoTime());
                    yield null;
                }
                case "equals" -> self == args[0];
                case "hashCode" -> System.identityHashCode(self);
                default -> "adaspec interrupts";
            });
            Object previous = setHandler(signal, handler);
            if (previous == type.getField("SIG_IGN").get(null)) {
                setHandler(signal, previous);
            } else {
                handled.add(new Handled(signal, previous));
            }
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            // Not in this runtime, or kept by the JVM (-Xrs): the signal ends the process at once.
        }
    }

    private static Object setHandler(Object signal, Object handler) throws ReflectiveOperationException {
        Class<?> type = Class.forName("sun.misc.SignalHandler");
        return signal.getClass().getMethod("handle", signal.getClass(), type).invoke(null, signal, handler);
    }
}
