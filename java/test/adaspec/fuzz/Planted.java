package adaspec.fuzz;

import adaspec.common.InputException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Targets with a mistake each, which the fuzzer must find: where it does not, its silence about the others says nothing. */
final class Planted {
    static final Target NULL_POINTER = target("planted-null-pointer", folder -> {
        throw new NullPointerException("planted");
    });
    static final Target STACK = target("planted-stack", Planted::deeper);
    static final Target HANG = target("planted-hang", folder -> {
        for (long i = 0; i != Long.MIN_VALUE; i = i > 0 ? i - 1 : 1) {
            Thread.onSpinWait();
        }
    });
    static final Target EXIT = target("planted-exit", folder -> Runtime.getRuntime().halt(3));
    static final Target SEGMENTATION_FAULT =
            target("planted-fault", folder -> MemorySegment.ofAddress(8).reinterpret(8).get(ValueLayout.JAVA_LONG, 0));
    static final Target GARBAGE = target("planted-garbage", folder -> {
        long sum = 0;
        for (int i = 0; i < 200; i++) {
            sum += new byte[1 << 20].length;
        }
        if (sum == 0) {
            throw new AssertionError();
        }
    });
    static final Target NATIVE_MEMORY = target("planted-native-memory", folder -> {
        try (var arena = java.lang.foreign.Arena.ofConfined()) {
            arena.allocate(100L << 20).fill((byte) 1);
        }
    });
    static final Target HEAP = target("planted-heap", folder -> {
        List<byte[]> kept = new ArrayList<>();
        while (true) {
            kept.add(new byte[64 << 20]);
        }
    });
    static final Target NO_FILE = target("planted-no-file", folder -> {
        throw new InputException("something is wrong somewhere");
    });
    static final Target EXCEPTION_TEXT = target("planted-exception-text", folder -> {
        throw new InputException(folder + " cannot be read: java.lang.IndexOutOfBoundsException");
    });

    static final List<Target> ALL = List.of(
            NULL_POINTER, STACK, HANG, EXIT, SEGMENTATION_FAULT, GARBAGE, NATIVE_MEMORY, HEAP, NO_FILE, EXCEPTION_TEXT);

    private Planted() {}

    /** The good file is used without harm; half of the damaged ones meet the mistake. */
    private static Target target(String name, Target.Use mistake) {
        return new Target(
                name,
                "input",
                folder -> {
                    Files.createDirectories(folder);
                    return List.of("good".getBytes());
                },
                (good, random) -> random.nextBoolean() ? good : "bad".getBytes(),
                folder -> {
                    if (Files.readString(folder.resolve("input")).equals("bad")) {
                        mistake.of(folder);
                    }
                });
    }

    private static void deeper(Path folder) {
        deeper(folder.resolve("x"));
    }
}
