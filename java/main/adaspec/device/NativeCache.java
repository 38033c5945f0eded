package adaspec.device;

import adaspec.common.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32;

/**
 * Native libraries unpacked from the jar, once: a folder named after the hash of their list of hashes, which its owner alone can enter
 * ({@link PrivateFolder}).
 *
 * <p>What is unpacked must have the SHA-256 that the jar tells. At each later start a file's CRC-32 is compared with the one it had then (a tenth of
 * the time: a start should not wait for a third of a second), and a damaged or missing file is unpacked anew. Two processes may unpack at once: files
 * are renamed into place whole.
 */
final class NativeCache {
    /** Written by the native build beside the libraries: {@code sha256sum}'s format. */
    static final String LIST = "SHA256SUMS";

    /** In the folder, written last: CRC-32 and name of each file that was found right. */
    static final String STAMP = "CRC32SUMS";

    /** Gives the bytes of a resource by its name. */
    interface Source {
        InputStream open(String name) throws IOException;
    }

    private final Path root;

    NativeCache(Path root) {
        this.root = root;
    }

    /** The property {@code adaspec.cache}, else $XDG_CACHE_HOME/adaspec, else ~/.cache/adaspec, else a folder of the user in java.io.tmpdir. */
    static Path defaultRoot(Map<String, String> environment) {
        String set = Optional.ofNullable(System.getProperty("adaspec.cache")).orElse(environment.get("ADASPEC_CACHE"));
        if (set != null && !set.isBlank()) {
            return Path.of(set);
        }
        String xdg = environment.get("XDG_CACHE_HOME");
        if (xdg != null && Path.of(xdg).isAbsolute()) {
            return Path.of(xdg, "adaspec");
        }
        String home = System.getProperty("user.home", "");
        // One of another user, as sudo or a container may leave it, is no place for code.
        if (!home.isBlank() && Files.isWritable(Path.of(home)) && PrivateFolder.isOwn(Path.of(home))) {
            return Path.of(home, ".cache", "adaspec");
        }
        return Path.of(System.getProperty("java.io.tmpdir"), "adaspec-" + System.getProperty("user.name", "user"));
    }

    /** The folder that holds every file of the list, each with the right bytes. */
    Path unpack(Source source) throws IOException {
        String list;
        try (InputStream in = source.open(LIST)) {
            list = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        Map<String, String> hashes = parse(list);
        String name = "native-" + HexFormat.of().formatHex(digest().digest(list.getBytes(StandardCharsets.UTF_8))).substring(0, 16);
        Path folder = PrivateFolder.in(PrivateFolder.root(root), name);
        if (!isWhole(folder, hashes.keySet())) {
            var stamp = new StringBuilder();
            for (Map.Entry<String, String> entry : hashes.entrySet()) {
                Path file = folder.resolve(entry.getKey());
                unpack(source, file, entry.getValue());
                stamp.append(crc(file)).append("  ").append(entry.getKey()).append('\n');
            }
            AtomicFile.writeString(folder.resolve(STAMP), stamp.toString());
        }
        return folder;
    }

    private static boolean isWhole(Path folder, Set<String> names) throws IOException {
        Path stamp = folder.resolve(STAMP);
        if (!Files.isRegularFile(stamp)) {
            return false;
        }
        Set<String> right = Set.copyOf(Files.readAllLines(stamp));
        for (String name : names) {
            Path file = folder.resolve(name);
            if (!Files.isRegularFile(file) || !right.contains(crc(file) + "  " + name)) {
                return false;
            }
        }
        return true;
    }

    private static void unpack(Source source, Path file, String hash) throws IOException {
        try (InputStream in = source.open(file.getFileName().toString());
                DigestInputStream counted = new DigestInputStream(in, digest())) {
            AtomicFile.write(file, channel -> {
                counted.transferTo(Channels.newOutputStream(channel));
                String got = HexFormat.of().formatHex(counted.getMessageDigest().digest());
                if (!got.equals(hash)) {
                    throw new IOException(file.getFileName() + " in the jar is damaged: its SHA-256 is " + got + ", not " + hash);
                }
            });
        }
    }

    /** Name -> hash. */
    static Map<String, String> parse(String list) throws IOException {
        Map<String, String> hashes = new LinkedHashMap<>();
        for (String line : list.lines().filter(l -> !l.isBlank()).toList()) {
            if (!line.matches("[0-9a-f]{64} [ *][A-Za-z0-9._-]+")) {
                throw new IOException(LIST + " has the line \"" + line + "\"; a SHA-256 and a file name were expected");
            }
            hashes.put(line.substring(66), line.substring(0, 64));
        }
        return hashes;
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static String crc(Path file) throws IOException {
        CRC32 crc = new CRC32();
        try (InputStream bytes = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 20];
            for (int read; (read = bytes.read(buffer)) >= 0; ) {
                crc.update(buffer, 0, read);
            }
        }
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }
}
