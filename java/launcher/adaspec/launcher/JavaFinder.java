package adaspec.launcher;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/**
 * Finds an installed Java by the {@code release} file that every one has, without starting any.
 *
 * <p>{@code ADASPEC_JAVA_HOME} is a wish: where it is set, it is used or is an error. Then come {@code JAVA_HOME} and {@code JDK_HOME}, then
 * the folders where packages and version managers put Java; among those the oldest that is new enough, in its newest update, is taken,
 * because that is what the engine was tested with.
 */
final class JavaFinder {
    /** One installed Java. */
    record Installation(Path home, Runtime.Version version) {
        Path executable() {
            return home.resolve("bin").resolve("java");
        }
    }

    /** There is no Java that is new enough; the message is the sentence for the user. */
    static final class NotFoundException extends Exception {
        private static final long serialVersionUID = 1L;

        NotFoundException(String sentence) {
            super(sentence);
        }
    }

    private final Map<String, String> environment;
    private final List<Path> folders;

    /** @param folders each holds installations as its children */
    JavaFinder(Map<String, String> environment, List<Path> folders) {
        this.environment = environment;
        this.folders = folders;
    }

    static JavaFinder ofThisMachine() {
        Path home = Path.of(System.getProperty("user.home", ""));
        return new JavaFinder(System.getenv(), List.of(
                Path.of("/usr/lib/jvm"),
                Path.of("/usr/lib64/jvm"),
                Path.of("/usr/java"),
                Path.of("/usr/local/java"),
                Path.of("/usr/local/lib/jvm"),
                Path.of("/opt"),
                Path.of("/opt/java"),
                Path.of("/opt/jvm"),
                home.resolve(".sdkman/candidates/java"),
                home.resolve(".jdks"),
                home.resolve(".jbang/cache/jdks"),
                home.resolve(".asdf/installs/java"),
                home.resolve(".local/share/mise/installs/java"),
                home.resolve(".gradle/jdks")));
    }

    /** The Java to use, at least of the feature release {@code required}. */
    Installation find(int required) throws NotFoundException {
        String wish = environment.get("ADASPEC_JAVA_HOME");
        if (wish != null && !wish.isBlank()) {
            Installation wished = read(Path.of(wish)).orElseThrow(() -> new NotFoundException(
                    "ADASPEC_JAVA_HOME is " + wish + ", where there is no Java; point it at the folder of a JDK " + required + " or newer"));
            if (wished.version().feature() < required) {
                throw new NotFoundException("ADASPEC_JAVA_HOME is " + wish + ", which is Java " + wished.version().feature()
                        + "; point it at the folder of a JDK " + required + " or newer");
            }
            return wished;
        }
        for (String name : List.of("JAVA_HOME", "JDK_HOME")) {
            String value = environment.get(name);
            if (value != null && !value.isBlank()) {
                Optional<Installation> named = read(Path.of(value)).filter(i -> i.version().feature() >= required);
                if (named.isPresent()) {
                    return named.get();
                }
            }
        }
        return inFolders().stream()
                .filter(i -> i.version().feature() >= required)
                .min(Comparator.comparingInt((Installation i) -> i.version().feature())
                        .thenComparing(Installation::version, Comparator.reverseOrder()))
                .orElseThrow(() -> new NotFoundException("this is Java " + Runtime.version().feature() + " and the engine needs Java " + required
                        + " or newer, of which none was found in JAVA_HOME, JDK_HOME or " + folders.get(0)
                        + " and its like; install a JDK " + required + " (such as Temurin, https://adoptium.net) or point ADASPEC_JAVA_HOME at one"));
    }

    private List<Installation> inFolders() {
        var found = new ArrayList<Installation>();
        for (Path folder : folders) {
            if (!Files.isDirectory(folder)) {
                continue;
            }
            try (DirectoryStream<Path> children = Files.newDirectoryStream(folder)) {
                for (Path child : children) {
                    read(child).ifPresent(found::add);
                }
            } catch (IOException e) {
                // A folder that may not be read holds no Java that could be run.
            }
        }
        return found;
    }

    /** What is installed at {@code home}; empty where that is no Java or one that says nothing of its version. */
    static Optional<Installation> read(Path home) {
        Path release = home.resolve("release");
        if (!Files.isExecutable(home.resolve("bin").resolve("java")) || !Files.isReadable(release)) {
            return Optional.empty();
        }
        var properties = new Properties();
        try (Reader reader = Files.newBufferedReader(release)) {
            properties.load(reader);
            String version = properties.getProperty("JAVA_VERSION", "").replace("\"", "");
            return Optional.of(new Installation(home, Runtime.Version.parse(version)));
        } catch (IOException | IllegalArgumentException e) {
            // Java 8 wrote 1.8.0_402, which is no version of today's form.
            return Optional.empty();
        }
    }
}
