package adaspec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.TestAbortedException;

class TestDataTest {

    @Test
    void aMissingFileSkipsWithAReasonAndFailsWhereItIsRequired(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("here.txt"), "x");
        withProperties(folder.toString(), "", () -> {
            assertEquals(folder.resolve("here.txt"), TestData.require("here.txt"));
            assertTrue(TestData.find("gone.txt").isEmpty());
            var skipped = assertThrows(TestAbortedException.class, () -> TestData.require("gone.txt"));
            assertTrue(skipped.getMessage().contains("gone.txt"), skipped.getMessage());
        });
        withProperties(folder.toString(), "gpu,data", () -> {
            var failed = assertThrows(AssertionFailedError.class, () -> TestData.require("gone.txt"));
            assertTrue(failed.getMessage().contains("gone.txt"), failed.getMessage());
        });
        withProperties(folder.toString(), "gpu", () -> {
            assertThrows(TestAbortedException.class, () -> TestData.require("gone.txt"));
            assertThrows(AssertionFailedError.class, () -> TestData.skip("gpu", "there is no device"));
        });
    }

    @Test
    void anUnknownRequirementIsAnErrorAndNotIgnored() {
        assertEquals(Set.of("data", "gpu"), TestData.required(" gpu, data "));
        assertEquals(Set.of(), TestData.required(""));
        assertThrows(IllegalArgumentException.class, () -> TestData.required("dat"));
    }

    @Test
    void everySkipIsPrintedWithItsReasonAndNothingElseIs() {
        var printed = new ByteArrayOutputStream();
        var launcher = LauncherFactory.create(LauncherConfig.builder().enableTestExecutionListenerAutoRegistration(false).build());
        launcher.registerTestExecutionListeners(new SkippedTests(new PrintStream(printed, true, StandardCharsets.UTF_8)));
        launcher.execute(LauncherDiscoveryRequestBuilder.request().selectors(selectClass(Sample.class)).build());
        String name = Sample.class.getName();
        assertEquals(
                List.of("SKIPPED " + name + ".aborted: no such file", "SKIPPED " + name + ".disabled: not today"),
                printed.toString(StandardCharsets.UTF_8).lines().sorted().toList());
    }

    /** Run only by {@link #everySkipIsPrintedWithItsReasonAndNothingElseIs}. */
    static class Sample {
        @Test
        void passes() {}

        @Test
        void aborted() {
            Assumptions.abort("no such file");
        }

        @Test
        @Disabled("not today")
        void disabled() {}
    }

    private static void withProperties(String data, String require, Runnable body) {
        String dataBefore = System.setProperty("adaspec.data", data);
        String requireBefore = System.setProperty("require", require);
        try {
            body.run();
        } finally {
            restore("adaspec.data", dataBefore);
            restore("require", requireBefore);
        }
    }

    private static void restore(String name, String value) {
        if (value == null) {
            System.clearProperty(name);
        } else {
            System.setProperty(name, value);
        }
    }
}
