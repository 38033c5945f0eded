package adaspec;

import static org.junit.jupiter.api.Assertions.fail;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Assumptions;

/**
 * What a test may need and a machine may lack: real data, a GPU.
 *
 * <p>A test that lacks it is skipped with a reason, which {@link SkippedTests} prints. {@code -Drequire=data}, {@code -Drequire=gpu} or
 * both with a comma turn such a skip into a failure, so that a build which must see everything cannot pass by seeing nothing.
 */
public final class TestData {
    private static final Set<String> KINDS = Set.of("data", "gpu");

    private TestData() {}

    /**
     * The file of the real data called {@code relative}, such as {@code gsm8k/train.jsonl}; skips the running test where it is missing.
     *
     * <p>The folder is the system property {@code adaspec.data}, else the environment's {@code ADASPEC_DATA}, else {@code ../shared/data}
     * beside the project.
     */
    public static Path require(String relative) {
        Path file = folder().resolve(relative);
        if (!Files.exists(file)) {
            skip("data", file + " is not here; point -Dadaspec.data=DIR or ADASPEC_DATA at a folder that has " + relative);
        }
        return file;
    }

    /** Like {@link #require}, for code that chooses among files: empty where it is missing, and never a skip. */
    public static Optional<Path> find(String relative) {
        return Optional.of(folder().resolve(relative)).filter(Files::exists);
    }

    /** Ends the running test for want of {@code kind} ({@code data} or {@code gpu}): a skip, or a failure under {@code -Drequire=kind}. */
    public static void skip(String kind, String reason) {
        if (required(System.getProperty("require", "")).contains(kind)) {
            fail("-Drequire=" + kind + " forbids this skip: " + reason);
        }
        Assumptions.abort(reason);
    }

    /** The kinds named by a value of {@code -Drequire}; an unknown one is an error, so that a typing mistake requires nothing in silence. */
    static Set<String> required(String list) {
        var kinds = new TreeSet<String>();
        Arrays.stream(list.split(",")).map(String::strip).filter(kind -> !kind.isEmpty()).forEach(kinds::add);
        for (String kind : kinds) {
            if (!KINDS.contains(kind)) {
                throw new IllegalArgumentException("-Drequire=" + list + ": \"" + kind + "\" is unknown; data and gpu can be required");
            }
        }
        return kinds;
    }

    private static Path folder() {
        String property = System.getProperty("adaspec.data");
        if (property != null && !property.isBlank()) {
            return Path.of(property);
        }
        String environment = System.getenv("ADASPEC_DATA");
        if (environment != null && !environment.isBlank()) {
            return Path.of(environment);
        }
        return Path.of(System.getProperty("basedir", ""), "..", "shared", "data").toAbsolutePath().normalize();
    }
}
