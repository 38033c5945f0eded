package adaspec.common;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in hexadecimal. */
public final class Sha256 {
    private static final int PIECE_BYTES = 1 << 20;

    private Sha256() {}

    /** Of the content of {@code file}, as {@code sha256sum} prints it. */
    public static String ofFile(Path file) {
        MessageDigest digest = digest();
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(piece) >= 0) {
                digest.update(piece.flip());
                piece.clear();
            }
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Of {@code text} as UTF-8. */
    public static String ofText(String text) {
        return HexFormat.of().formatHex(digest().digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
