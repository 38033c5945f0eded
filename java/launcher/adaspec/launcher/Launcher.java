package adaspec.launcher;

/** x */
public final class Launcher {
    public static void main(String[] arguments) throws Exception {
        System.out.println(Runtime.version());
    }
}
