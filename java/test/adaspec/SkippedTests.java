package adaspec;

import java.io.PrintStream;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Prints every skipped test with its reason when the tests end; found by the platform through {@code META-INF/services}. */
public final class SkippedTests implements TestExecutionListener {
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final PrintStream out;

    public SkippedTests() {
        this(System.out);
    }

    SkippedTests(PrintStream out) {
        this.out = out;
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        lines.add(line(test, reason));
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        if (result.getStatus() == TestExecutionResult.Status.ABORTED) {
            lines.add(line(test, result.getThrowable().map(Throwable::getMessage).orElse("no reason was given")));
        }
    }

    @Override
    public void testPlanExecutionFinished(TestPlan plan) {
        if (!lines.isEmpty()) {
            out.println(String.join(System.lineSeparator(), lines));
        }
        lines.clear();
    }

    private static String line(TestIdentifier test, String reason) {
        String name = test.getDisplayName();
        var source = test.getSource().orElse(null);
        if (source instanceof MethodSource method) {
            String plain = method.getMethodName() + "()";
            name = method.getClassName() + "." + method.getMethodName() + (name.equals(plain) ? "" : " " + name);
        } else if (source instanceof ClassSource type) {
            name = type.getClassName();
        }
        return "SKIPPED " + name + ": " + reason;
    }
}
