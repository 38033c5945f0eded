package adaspec.bench;

import adaspec.ops.Draw;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.SplittableRandom;

/** Logits to draw from: normal of deviation 3, which at these vocabularies leaves a few hundred likely tokens, as text does. */
final class Laws {
    private static final double DEVIATION = 3;

    private Laws() {}

    /** (rows, vocabulary) */
    static Tensor random(Workspace.Allocator memory, int rows, int vocabulary, long seed) {
        var random = new SplittableRandom(seed);
        Tensor logits = tensor(memory, DType.F32, rows, vocabulary);
        for (long i = 0; i < logits.size(); i++) {
            logits.set(i, (float) (DEVIATION * random.nextGaussian()));
        }
        return logits;
    }

    /** What a draft that knows {@code logits} to within {@code deviation} says. */
    static Tensor near(Workspace.Allocator memory, Tensor logits, double deviation, long seed) {
        var random = new SplittableRandom(seed);
        Tensor other = tensor(memory, DType.F32, logits.shape());
        for (long i = 0; i < logits.size(); i++) {
            other.set(i, logits.get(i) + (float) (deviation * random.nextGaussian()));
        }
        return other;
    }

    static Tensor tensor(Workspace.Allocator memory, DType type, long... shape) {
        long size = 1;
        for (long extent : shape) {
            size *= extent;
        }
        return Tensor.of(memory.allocate(size * type.bytes()), type, shape);
    }

    /** The draw that {@code warp} names, at a position. */
    static Draw draw(String warp, long position) {
        return switch (warp) {
            case "greedy" -> new Draw(1, position, 0, 0);
            case "temperature" -> new Draw(1, position, 0, 0.8f);
            case "top-k 50" -> new Draw(1, position, 0, 0.8f, 50, 1);
            case "top-p 0.9" -> new Draw(1, position, 0, 0.8f, 0, 0.9f);
            case "top-k 50, top-p 0.9" -> new Draw(1, position, 0, 0.8f, 50, 0.9f);
            default -> throw new IllegalArgumentException(warp);
        };
    }
}
