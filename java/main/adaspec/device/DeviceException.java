package adaspec.device;

/** A native operation failed for a reason other than its arguments; the message is the native sentence. */
public final class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    DeviceException(String sentence) {
        super(sentence);
    }
}
