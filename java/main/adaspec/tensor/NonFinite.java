package adaspec.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Finds NaN and infinities among floats. */
final class NonFinite {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private NonFinite() {}

    /** The index of the first element that is NaN or infinite; -1 if all are finite. */
    static long firstIn(MemorySegment elements, DType type) {
        return anyIn(elements, type) ? search(elements, type) : -1;
    }

    /**
     * Eight bytes at once. A number is not finite where all bits of its exponent are set: the exponent alone, with one added to its lowest bit, then
     * reaches the sign's bit and goes no further, so the numbers in a long do not disturb each other.
     */
    private static boolean anyIn(MemorySegment elements, DType type) {
        long exponents = type == DType.F32 ? 0x7f8000007f800000L : type == DType.BF16 ? 0x7f807f807f807f80L : 0x7c007c007c007c00L;
        long ones = type == DType.F32 ? 0x0080000000800000L : type == DType.BF16 ? 0x0080008000800080L : 0x0400040004000400L;
        long signs = type == DType.F32 ? 0x8000000080000000L : 0x8000800080008000L;
        long whole = elements.byteSize() / 8 * 8;
        long reached = 0;
        for (long at = 0; at < whole; at += 8) {
            reached |= (elements.get(LONG, at) & exponents) + ones;
        }
        return (reached & signs) != 0 || search(elements.asSlice(whole), type) >= 0;
    }

    private static long search(MemorySegment elements, DType type) {
        long count = elements.byteSize() / type.bytes();
        Tensor tensor = Tensor.of(elements, type, count);
        for (long i = 0; i < count; i++) {
            if (!Float.isFinite(tensor.get(i))) {
                return i;
            }
        }
        return -1;
    }
}
