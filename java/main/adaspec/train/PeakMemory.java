package adaspec.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The most memory this process has had resident. */
public final class PeakMemory {
    private PeakMemory() {}

    /** VmHWM of Linux, mapped model files included; 0 where the system does not say. */
    public static long bytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            // Not Linux.
        }
        return 0;
    }
}
