package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.device.Device;
import adaspec.train.Checkpoints;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The models and data that the engine brings along: the resource folder {@code adaspec/default} with {@code target/}, {@code draft/},
 * {@code train.jsonl}, {@code eval.jsonl}, and {@code default.json}, whose {@code "options"} are the options of {@code distill} that suit them.
 *
 * <p>From a jar they are unpacked once, into a folder of the cache that is named after the hash of their content.
 *
 * @param options long option names without hyphens in front -> values
 */
public record DefaultAssets(Path target, Path draft, Path trainFile, Path evalFile, Map<String, String> options) {
    private static final String ROOT = "/adaspec/default/";
    private static final List<String> NEEDED =
            List.of("default.json", "target/config.json", "target/tokenizer.json", "draft/config.json", "train.jsonl", "eval.jsonl");

    /**
     * The assets as files.
     *
     * @param cache where they are unpacked to
     * @throws InputException if this build has none
     */
    public static DefaultAssets open(Path cache) {
        URL url = DefaultAssets.class.getResource(ROOT + "default.json");
        if (url == null) {
            throw new InputException("this build has no default models; give --target, --draft and --train-file");
        }
        try {
            return read(folder(url.toURI(), cache));
        } catch (IOException e) {
            throw new InputException("cannot unpack the default models to " + cache + ": " + AtomicFile.reason(e)
                    + "; set ADASPEC_CACHE to a writable folder", e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(url.toString(), e);
        }
    }

    /** Whether {@code path} is one of the assets. */
    static boolean isBundled(Path path) {
        URL url = DefaultAssets.class.getResource(ROOT + "default.json");
        Path absolute = path.toAbsolutePath().normalize();
        if (url != null && url.getProtocol().equals("file")) {
            return absolute.startsWith(Path.of(URI.create(url.toString())).getParent());
        }
        Path cache = real(Device.cacheFolder().toAbsolutePath().normalize());
        return absolute.startsWith(cache) && absolute.getNameCount() > cache.getNameCount()
                && absolute.getName(cache.getNameCount()).toString().startsWith("default-");
    }

    /** Where unpacked files say that they are. */
    private static Path real(Path cache) {
        try {
            return cache.toRealPath();
        } catch (IOException e) {
            return cache;
        }
    }

    /** The folder of {@code manifest}; from a jar, its copy in {@code cache}. */
    static Path folder(URI manifest, Path cache) throws IOException {
        if (manifest.getScheme().equals("file")) {
            return Path.of(manifest).getParent();
        }
        // Opened by its path: by its URI a jar is open once a process, and another thread, or the program around this one, may have it open already.
        String place = manifest.getRawSchemeSpecificPart();
        Path file = Path.of(URI.create(place.substring(0, place.lastIndexOf("!/"))));
        try (FileSystem jar = FileSystems.newFileSystem(file, Map.of())) {
            return unpack(jar.getPath(ROOT), Device.requirePrivate(cache));
        }
    }

    /**
     * Copies the files under {@code from} to a folder of {@code cache} that is named after their content. If it is there, only what is missing or
     * damaged is copied; a folder that is not this user's alone is refused.
     */
    static Path unpack(Path from, Path cache) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(from)) {
            walk.filter(Files::isRegularFile).forEach(file -> files.put(from.relativize(file).toString(), file));
        }
        MessageDigest all = digest();
        Map<String, byte[]> digests = new TreeMap<>();
        for (Map.Entry<String, Path> file : files.entrySet()) {
            byte[] digest = digest().digest(Files.readAllBytes(file.getValue()));
            digests.put(file.getKey(), digest);
            all.update(file.getKey().getBytes(StandardCharsets.UTF_8));
            all.update((byte) 0);
            all.update(digest);
        }
        Path folder = cache.resolve("default-" + HexFormat.of().formatHex(all.digest()).substring(0, 16));
        if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            Device.requirePrivate(cache, folder.getFileName().toString());
            for (Map.Entry<String, Path> file : files.entrySet()) {
                Path copy = folder.resolve(file.getKey());
                if (!Files.isRegularFile(copy) || !Arrays.equals(digest().digest(Files.readAllBytes(copy)), digests.get(file.getKey()))) {
                    AtomicFile.writeBytes(copy, Files.readAllBytes(file.getValue()));
                }
            }
            return folder;
        }
        // Whole or not at all: written beside its place and renamed.
        Files.createDirectories(cache);
        Path beside = Files.createTempDirectory(cache, "default-");
        try {
            for (Map.Entry<String, Path> file : files.entrySet()) {
                Path copy = beside.resolve(file.getKey());
                Files.createDirectories(copy.getParent());
                // Synced, so that a machine that ends now has not kept a name without its bytes.
                AtomicFile.writeBytes(copy, Files.readAllBytes(file.getValue()));
            }
            Files.move(beside, folder, StandardCopyOption.ATOMIC_MOVE);
            AtomicFile.syncFolder(cache);
        } catch (IOException e) {
            Checkpoints.deleteTree(beside);
            if (!Files.isDirectory(folder)) {
                throw e;
            }
            // Another process was quicker; whose it is, and what it unpacked, is looked at like any other.
            return unpack(from, cache);
        } catch (RuntimeException | Error e) {
            Checkpoints.deleteTree(beside);
            throw e;
        }
        return folder;
    }

    private static DefaultAssets read(Path folder) {
        for (String name : NEEDED) {
            if (!Files.isRegularFile(folder.resolve(name))) {
                throw new InputException("the default models of this build lack " + name + "; give --target, --draft and --train-file");
            }
        }
        JsonNode manifest = Json.readFile(folder.resolve("default.json"));
        Map<String, String> options = new TreeMap<>();
        manifest.path("options").properties().forEach(entry -> options.put(entry.getKey(), entry.getValue().asText()));
        return new DefaultAssets(
                folder.resolve("target"), folder.resolve("draft"), folder.resolve("train.jsonl"), folder.resolve("eval.jsonl"), options);
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
