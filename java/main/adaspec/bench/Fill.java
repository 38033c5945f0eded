package adaspec.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Contents of operands. Numbers repeat after a prime many, so that rows differ and a hundred million are there in no time. */
final class Fill {
    private static final int PERIOD = 65_537;

    private Fill() {}

    /** Normal f32 numbers. */
    static Consumer<MemorySegment> normal(double deviation, long seed) {
        float[] block = block(deviation, seed);
        return segment -> tile(segment, MemorySegment.ofArray(block));
    }

    /** Normal bf16 numbers. */
    static Consumer<MemorySegment> normalBf16(double deviation, long seed) {
        float[] block = block(deviation, seed);
        short[] halves = new short[PERIOD];
        for (int i = 0; i < PERIOD; i++) {
            halves[i] = (short) (Float.floatToIntBits(block[i]) >>> 16);
        }
        return segment -> tile(segment, MemorySegment.ofArray(halves));
    }

    private static float[] block(double deviation, long seed) {
        var random = new SplittableRandom(seed);
        float[] block = new float[PERIOD];
        for (int i = 0; i < PERIOD; i++) {
            block[i] = (float) (deviation * random.nextGaussian());
        }
        return block;
    }

    private static void tile(MemorySegment segment, MemorySegment block) {
        for (long at = 0; at < segment.byteSize(); at += block.byteSize()) {
            MemorySegment.copy(block, 0, segment, at, Math.min(block.byteSize(), segment.byteSize() - at));
        }
    }

    static Consumer<MemorySegment> constant(float value) {
        return segment -> {
            for (long i = 0; i < segment.byteSize() / Float.BYTES; i++) {
                segment.setAtIndex(JAVA_FLOAT, i, value);
            }
        };
    }

    static Consumer<MemorySegment> zero() {
        return segment -> segment.fill((byte) 0);
    }

    /** i32 in [0, limit). */
    static Consumer<MemorySegment> ids(int limit, long seed) {
        return segment -> {
            var random = new SplittableRandom(seed);
            for (long i = 0; i < segment.byteSize() / Integer.BYTES; i++) {
                segment.setAtIndex(JAVA_INT, i, random.nextInt(limit));
            }
        };
    }

    /** The i32 first, first + step, ... */
    static Consumer<MemorySegment> steps(int first, int step) {
        return segment -> {
            for (int i = 0; i < segment.byteSize() / Integer.BYTES; i++) {
                segment.setAtIndex(JAVA_INT, i, first + i * step);
            }
        };
    }
}
