package adaspec.ops;

/** The two forms of the Gaussian error linear unit; the codes are those of the C ABI. */
public enum Gelu {
    /** x * Phi(x), with the error function: Hugging Face {@code gelu}. */
    EXACT(0),
    /** 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): {@code gelu_new}, {@code gelu_fast}, {@code gelu_pytorch_tanh}. */
    TANH(1);

    private final int code;

    Gelu(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }
}
