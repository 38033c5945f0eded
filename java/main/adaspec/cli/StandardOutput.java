package adaspec.cli;

import adaspec.common.InputException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/**
 * Standard output for results. A {@link java.io.PrintStream} would swallow a failure and lose results in silence; here a reader that went
 * away ends the command calmly and anything else, such as a full disk, is an error.
 */
final class StandardOutput extends BufferedOutputStream {
    /** The reader of standard output has closed it. */
    static final class ClosedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        ClosedException(IOException cause) {
            super(cause);
        }
    }

    StandardOutput(OutputStream out) {
        super(out, 1 << 16);
    }

    @Override
    public void write(int b) {
        guard(() -> super.write(b));
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        guard(() -> super.write(bytes, offset, length));
    }

    @Override
    public void flush() {
        guard(super::flush);
    }

    /** Whether {@code e} (null: no) says that the reader of a pipe has gone. */
    static boolean isClosed(Throwable e) {
        return e instanceof IOException && String.valueOf(e.getMessage()).contains("Broken pipe");
    }

    private interface Action {
        void run() throws IOException;
    }

    private static void guard(Action action) {
        try {
            action.run();
        } catch (IOException e) {
            if (isClosed(e)) {
                throw new ClosedException(e);
            }
            throw new InputException("cannot write to standard output: " + e.getMessage(), e);
        }
    }
}
