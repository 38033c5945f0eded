package adaspec.ops;

import adaspec.tensor.Tensor;
import java.util.Arrays;

/** Checks of shapes and types at the door of an operation; each failure is a sentence that names the operation and what it got. */
final class ShapeChecks {
    private ShapeChecks() {}

    static void require(boolean holds, String operation, String sentence) {
        if (!holds) {
            throw new IllegalArgumentException(operation + ": " + sentence);
        }
    }

    /** As above for a tensor, whose words are put together only where they are needed: decoding checks thousands of them for each token. */
    static void require(boolean holds, String operation, String name, Tensor tensor, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(operation + ": " + name + " is " + tensor + "; " + expected + " was expected");
        }
    }

    static void requireMatrix(String operation, String name, Tensor tensor, long rows, long columns) {
        if (tensor.rows() != rows || tensor.columns() != columns) {
            throw new IllegalArgumentException(operation + ": " + name + " is " + tensor + "; (" + rows + ", " + columns + ") was expected");
        }
    }

    static void requireVector(String operation, String name, Tensor tensor, long elements) {
        if (tensor.size() != elements) {
            throw new IllegalArgumentException(operation + ": " + name + " is " + tensor + "; (" + elements + ") was expected");
        }
    }

    static void requireVectorOrNull(String operation, String name, Tensor tensor, long elements) {
        if (tensor != null) {
            requireVector(operation, name, tensor, elements);
        }
    }

    static void requireSame(String operation, String name, Tensor tensor, String otherName, Tensor other) {
        if (!Arrays.equals(tensor.shape(), other.shape())) {
            throw new IllegalArgumentException(
                    operation + ": " + name + " is " + tensor + ", " + otherName + " is " + other + "; equal shapes were expected");
        }
    }
}
