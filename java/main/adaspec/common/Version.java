package adaspec.common;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * Which engine this is, as the build recorded it.
 *
 * @param number   the version of the artifact, such as {@code 0.1.0}
 * @param revision the git revision, with {@code -dirty} after it where tracked files had changed; {@code unknown} outside a checkout
 */
public record Version(String number, String revision) {

    /** Reads what the build recorded; both parts are {@code unknown} where classes run without a build's resources. */
    public static Version current() {
        var properties = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("/adaspec/version.properties")) {
            if (in != null) {
                properties.load(in);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Version(properties.getProperty("version", "unknown"), properties.getProperty("revision", "unknown"));
    }

    @Override
    public String toString() {
        return "adaspec-engine " + number + " (" + revision + ")";
    }
}
