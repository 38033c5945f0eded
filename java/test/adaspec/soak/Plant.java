package adaspec.soak;

import adaspec.decode.Sampling;
import adaspec.engine.EngineSession;
import adaspec.engine.GenerationSettings;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Leaks that are there on purpose, which a soak must find: where it does not, its silence says nothing. */
enum Plant {
    /** Sessions that nobody closes. */
    SESSIONS,
    HEAP,
    /** Native memory that no allocator counts. */
    NATIVE,
    FILES,
    THREADS,
    /** The probe's texts change on the way. */
    ACCEPTANCE;

    private static final List<Object> KEPT = new ArrayList<>();

    /** Leaks a little more of each; once between two samples. */
    static void grow(Set<Plant> plants, Load load, Probe probe, int sample) throws IOException {
        for (Plant plant : plants) {
            switch (plant) {
                case SESSIONS -> {
                    for (int i = 0; i < 3; i++) {
                        EngineSession session = load.lasting().openSession();
                        session.generate("7 + 5", GenerationSettings.of(Sampling.greedy(4)), token -> {});
                        KEPT.add(session);
                    }
                }
                case HEAP -> KEPT.add(new byte[1 << 20]);
                case NATIVE -> Arena.global().allocate(64 << 20).fill((byte) 1);
                case FILES -> KEPT.add(FileChannel.open(Path.of("/dev/null")));
                case THREADS -> KEPT.add(Thread.ofPlatform().daemon().start(() -> {
                    try {
                        Thread.sleep(Long.MAX_VALUE);
                    } catch (InterruptedException e) {
                        // The end.
                    }
                }));
                case ACCEPTANCE -> {
                    if (sample == 3) {
                        probe.shorten();
                    }
                }
                default -> throw new AssertionError(plant);
            }
        }
    }
}
