package adaspec.tensor;

import adaspec.common.InputException;

/** The type of a tensor's elements. The codes are those of the C ABI ({@code cuda/include/adaspec.h}). */
public enum DType {
    F32(0, 4, "F32", "float32"),
    BF16(1, 2, "BF16", "bfloat16"),
    F16(2, 2, "F16", "float16"),
    I32(3, 4, "I32", "int32");

    private final int code;
    private final int bytes;
    private final String safetensorsName;
    private final String torchName;

    DType(int code, int bytes, String safetensorsName, String torchName) {
        this.code = code;
        this.bytes = bytes;
        this.safetensorsName = safetensorsName;
        this.torchName = torchName;
    }

    /** The number that stands for this type in the C ABI. */
    public int code() {
        return code;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** The name in a safetensors header. */
    public String safetensorsName() {
        return safetensorsName;
    }

    /** The name in config.json ({@code torch_dtype} or {@code dtype}). */
    public String torchName() {
        return torchName;
    }

    public boolean isFloat() {
        return this != I32;
    }

    /** The float type that config.json calls {@code name}; {@code where} begins the sentence of an error. */
    public static DType ofTorchName(String name, String where) {
        String bare = name.startsWith("torch.") ? name.substring("torch.".length()) : name;
        for (DType type : values()) {
            if (type.isFloat() && type.torchName.equals(bare)) {
                return type;
            }
        }
        throw new InputException(where + " has the type \"" + name + "\"; float32, bfloat16 or float16 was expected");
    }

    /** Exact: every bf16 value is an f32 value. */
    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** Rounds to nearest, ties to even, as PyTorch does; NaN stays NaN. */
    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
