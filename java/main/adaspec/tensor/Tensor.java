package adaspec.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A block of device memory with a type and a shape: a vector (n), or rows of equal length (n, c, ...) stored row after row.
 *
 * <p>A tensor does not own its memory: weights live with the model, caches with the session, everything else with the step
 * ({@link Workspace}). The rows of a matrix may lie further apart than they are long ({@link #rowStride}), as those of
 * {@link #columns} do. On a device other than the processor the segment is an address only, and the element accessors fail.
 */
public final class Tensor {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final MemorySegment segment;
    private final DType dtype;
    private final long[] shape;
    private final long rowStride;

    private Tensor(MemorySegment segment, DType dtype, long[] shape, long rowStride) {
        this.segment = segment;
        this.dtype = dtype;
        this.shape = shape;
        this.rowStride = rowStride;
    }

    /** A dense tensor over the first bytes of {@code segment}. */
    public static Tensor of(MemorySegment segment, DType dtype, long... shape) {
        if (shape.length == 0) {
            throw new IllegalArgumentException("a tensor has at least one dimension");
        }
        long elements = 1;
        for (long extent : shape) {
            if (extent < 0) {
                throw new IllegalArgumentException("negative extent in " + Arrays.toString(shape));
            }
            elements = Math.multiplyExact(elements, extent);
        }
        long bytes = Math.multiplyExact(elements, dtype.bytes());
        if (segment.byteSize() < bytes) {
            throw new IllegalArgumentException(
                    "a " + dtype + " tensor " + Arrays.toString(shape) + " takes " + bytes + " bytes; the segment has " + segment.byteSize());
        }
        return new Tensor(segment.asSlice(0, bytes), dtype, shape.clone(), widthOf(shape));
    }

    /** A dense f32 tensor on the Java heap holding {@code values}: for tests and for the reference device. */
    public static Tensor ofFloats(float[] values, long... shape) {
        return of(MemorySegment.ofArray(values), DType.F32, shape);
    }

    private static long widthOf(long[] shape) {
        long width = 1;
        for (int i = 1; i < shape.length; i++) {
            width *= shape[i];
        }
        return width;
    }

    /** Memory from the first element to the last. */
    public MemorySegment segment() {
        return segment;
    }

    public DType dtype() {
        return dtype;
    }

    public int rank() {
        return shape.length;
    }

    public long dim(int i) {
        return shape[i];
    }

    public long[] shape() {
        return shape.clone();
    }

    /** The first extent. */
    public long rows() {
        return shape[0];
    }

    /** Elements in a row: the product of the extents after the first; 1 for a vector. */
    public long columns() {
        return widthOf(shape);
    }

    /** Elements from the start of a row to the start of the next. */
    public long rowStride() {
        return rowStride;
    }

    /** Number of elements. */
    public long size() {
        return rows() * columns();
    }

    /** Bytes the elements take. */
    public long bytes() {
        return size() * dtype.bytes();
    }

    public boolean isDense() {
        return rowStride == columns() || rows() <= 1;
    }

    /** Rows {@code from} (inclusive) to {@code to} (exclusive), sharing memory. */
    public Tensor rows(long from, long to) {
        if (from < 0 || to < from || to > rows()) {
            throw new IndexOutOfBoundsException("rows " + from + " to " + to + " of " + this);
        }
        long[] sliced = shape.clone();
        sliced[0] = to - from;
        long first = from * rowStride * dtype.bytes();
        long extent = to == from ? 0 : ((to - from - 1) * rowStride + columns()) * dtype.bytes();
        return new Tensor(segment.asSlice(extent == 0 ? 0 : first, extent), dtype, sliced, rowStride);
    }

    /** Columns {@code from} to {@code to} of a matrix, sharing memory; its rows keep this tensor's stride. */
    public Tensor columns(long from, long to) {
        if (rank() != 2 || from < 0 || to < from || to > shape[1]) {
            throw new IndexOutOfBoundsException("columns " + from + " to " + to + " of " + this);
        }
        long[] sliced = {shape[0], to - from};
        long extent = sliced[0] == 0 || sliced[1] == 0 ? 0 : ((sliced[0] - 1) * rowStride + sliced[1]) * dtype.bytes();
        return new Tensor(segment.asSlice(extent == 0 ? 0 : from * dtype.bytes(), extent), dtype, sliced, rowStride);
    }

    /** The same elements under another shape; dense tensors only. */
    public Tensor view(long... newShape) {
        if (!isDense()) {
            throw new IllegalStateException("a view of rows that are apart: " + this);
        }
        Tensor view = of(segment, dtype, newShape);
        if (view.size() != size()) {
            throw new IllegalArgumentException(this + " cannot be seen as " + Arrays.toString(newShape));
        }
        return view;
    }

    /** Whether {@code second} begins in memory where {@code first} ends and their rows are alike: then {@link #join} makes one tensor of them. */
    public static boolean areAdjacent(Tensor first, Tensor second) {
        return first.dtype == second.dtype
                && first.rank() == second.rank()
                && first.columns() == second.columns()
                && first.isDense()
                && second.isDense()
                && first.segment.isNative()
                && second.segment.scope().equals(first.segment.scope())
                && first.segment.address() + first.segment.byteSize() == second.segment.address();
    }

    /** The rows of {@code first}, then those of {@code second}, sharing the memory of both, which must be adjacent. */
    @SuppressWarnings("restricted") // Both are whole within memory of one scope, and so is what they are together.
    public static Tensor join(Tensor first, Tensor second) {
        if (!areAdjacent(first, second)) {
            throw new IllegalArgumentException(first + " and " + second + " do not lie one after the other");
        }
        long[] shape = first.shape.clone();
        shape[0] += second.shape[0];
        return of(first.segment.reinterpret(first.segment.byteSize() + second.segment.byteSize()), first.dtype, shape);
    }

    /** Element {@code i} of a dense float tensor in row order, widened exactly to f32. */
    public float get(long i) {
        return switch (dtype) {
            case F32 -> segment.getAtIndex(FLOAT, i);
            case BF16 -> DType.bf16ToFloat(segment.getAtIndex(SHORT, i));
            case F16 -> Float.float16ToFloat(segment.getAtIndex(SHORT, i));
            case I32 -> throw new IllegalStateException("ids are read with getInt: " + this);
        };
    }

    /** Element {@code column} of row {@code row} of a float matrix, widened exactly to f32. */
    public float get(long row, long column) {
        return get(row * rowStride + column);
    }

    public void set(long i, float value) {
        switch (dtype) {
            case F32 -> segment.setAtIndex(FLOAT, i, value);
            case BF16 -> segment.setAtIndex(SHORT, i, DType.floatToBf16(value));
            case F16 -> segment.setAtIndex(SHORT, i, Float.floatToFloat16(value));
            case I32 -> throw new IllegalStateException("ids are written with setInt: " + this);
        }
    }

    public void set(long row, long column, float value) {
        set(row * rowStride + column, value);
    }

    /** Element {@code i} of an i32 vector. */
    public int getInt(long i) {
        require(DType.I32);
        return segment.getAtIndex(INT, i);
    }

    public void setInt(long i, int value) {
        require(DType.I32);
        segment.setAtIndex(INT, i, value);
    }

    /** Sets every element of a dense tensor to zero. */
    public Tensor zero() {
        if (!isDense()) {
            throw new IllegalStateException("zero of rows that are apart: " + this);
        }
        segment.fill((byte) 0);
        return this;
    }

    /** Copies the elements of a dense tensor of the same size and any float type, rounding to nearest where this type is narrower. */
    public Tensor copyFrom(Tensor source) {
        if (size() != source.size() || !isDense() || !source.isDense()) {
            throw new IllegalArgumentException("cannot copy " + source + " into " + this);
        }
        long n = size();
        if (dtype == source.dtype) {
            MemorySegment.copy(source.segment, 0, segment, 0, bytes());
        } else if (dtype == DType.F32 && source.dtype == DType.BF16) {
            for (long i = 0; i < n; i++) {
                segment.setAtIndex(FLOAT, i, DType.bf16ToFloat(source.segment.getAtIndex(SHORT, i)));
            }
        } else if (dtype == DType.F32 && source.dtype == DType.F16) {
            for (long i = 0; i < n; i++) {
                segment.setAtIndex(FLOAT, i, Float.float16ToFloat(source.segment.getAtIndex(SHORT, i)));
            }
        } else {
            for (long i = 0; i < n; i++) {
                set(i, source.get(i));
            }
        }
        return this;
    }

    /** The elements of a dense float tensor, widened to f32, in row order. */
    public float[] toFloats() {
        float[] values = new float[Math.toIntExact(size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = get(i);
        }
        return values;
    }

    private void require(DType wanted) {
        if (dtype != wanted) {
            throw new IllegalStateException(wanted + " wanted, have " + this);
        }
    }

    /** Type and shape in words, as errors show them. */
    @Override
    public String toString() {
        return dtype + " " + Arrays.toString(shape) + (isDense() ? "" : " with row stride " + rowStride);
    }
}
