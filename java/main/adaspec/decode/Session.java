package adaspec.decode;

import adaspec.common.InputException;
import adaspec.model.KvCache;
import adaspec.model.Transformer;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * One timeline of one model: the ids it has read and their keys and values, which can be advanced and rewound.
 *
 * <p>The law after a position depends on the ids up to it alone, bit for bit: not on the chunks they came in, on what was rewound before, or on the
 * number of threads. One thread at a time. The session owns the memory of its cache; the workspace is shared and must outlive it.
 */
public final class Session implements AutoCloseable {
    /** Rows that go through the layers at once when a prompt is read: enough to use a weight several times while it is near. */
    static final int CHUNK = 64;

    private final String name;
    private final Transformer model;
    private final int vocabulary;
    private final Workspace workspace;
    private final Workspace.Allocator memory;
    private final KvCache cache;
    private final int chunk;
    private final int[] ids;
    private boolean remembering;

    /**
     * @param name       the model in a few words, for sentences: {@code the target runs/a}
     * @param vocabulary v: the law is taken over ids 0 to v - 1
     * @param capacity   the most ids, at most the model's positions
     * @param memory     holds the cache; closed with the session
     */
    public Session(String name, Transformer model, int vocabulary, int capacity, Workspace workspace, Workspace.Allocator memory) {
        this(name, model, vocabulary, capacity, workspace, memory, CHUNK);
    }

    Session(String name, Transformer model, int vocabulary, int capacity, Workspace workspace, Workspace.Allocator memory, int chunk) {
        if (vocabulary < 1 || vocabulary > model.architecture().vocabSize()) {
            throw new IllegalArgumentException(vocabulary + " ids of " + model.architecture().vocabSize());
        }
        if (capacity < 1 || capacity > model.architecture().maxPositions()) {
            throw new IllegalArgumentException("room for " + capacity + " ids in " + model.architecture().maxPositions() + " positions");
        }
        this.name = name;
        this.model = model;
        this.vocabulary = vocabulary;
        this.workspace = workspace;
        this.memory = memory;
        this.cache = model.newCache(capacity, memory);
        this.chunk = chunk;
        this.ids = new int[capacity];
    }

    /** The model in words. */
    public String name() {
        return name;
    }

    public Transformer model() {
        return model;
    }

    /** v. */
    public int vocabulary() {
        return vocabulary;
    }

    public Workspace workspace() {
        return workspace;
    }

    /** How many ids it can hold. */
    public int capacity() {
        return cache.capacity();
    }

    /** How many ids it has read. */
    public int length() {
        return cache.length();
    }

    /** The ids it has read. */
    public int[] ids() {
        return Arrays.copyOf(ids, length());
    }

    /** Whether it has read exactly the first {@link #length} of {@code other}. */
    boolean isPrefixOf(int[] other) {
        return length() <= other.length && Arrays.mismatch(ids, 0, length(), other, 0, length()) < 0;
    }

    /** From now on a new text that begins as the one before is not read from its beginning: {@link #begin} keeps what they have in common. */
    public void rememberText() {
        remembering = true;
    }

    /**
     * Starts a new text: forgets the one before and reads {@code text}, chunk by chunk while {@code goesOn}. What follows depends on {@code text}
     * alone, also where the session remembers the beginning and reads the rest only.
     */
    void begin(int[] text, BooleanSupplier goesOn) {
        begin(text);
        readOn(text, goesOn);
    }

    /** Starts a new text that begins with {@code text}, of which nothing is read yet that is not remembered. */
    void begin(int[] text) {
        rewind(remembering ? commonPrefix(text) : 0);
    }

    /** Reads on, chunk by chunk while {@code goesOn}, up to the end of {@code text}, of which it has read the beginning. */
    void readOn(int[] text, BooleanSupplier goesOn) {
        while (length() < text.length && goesOn.getAsBoolean()) {
            advance(Arrays.copyOfRange(text, length(), Math.min(text.length, length() + chunk)));
        }
    }

    /** How many ids at the beginning of {@code other} it has read. */
    private int commonPrefix(int[] other) {
        int mismatch = Arrays.mismatch(ids, 0, length(), other, 0, other.length);
        return mismatch < 0 ? length() : mismatch;
    }

    /** Reads {@code newIds} without asking for their laws. */
    public void advance(int[] newIds) {
        advance(newIds, null);
    }

    /**
     * Reads {@code newIds} (M) and writes the laws after the last R of them.
     *
     * @param logits (R, v), R at most M; null for none
     */
    public void advance(int[] newIds, Tensor logits) {
        int wanted = logits == null ? 0 : Math.toIntExact(logits.rows());
        if (wanted > newIds.length || logits != null && logits.columns() != vocabulary) {
            throw new IllegalArgumentException("logits " + logits + " after " + newIds.length + " ids over " + vocabulary);
        }
        if (newIds.length > capacity() - length()) {
            throw new IllegalArgumentException(newIds.length + " ids at position " + length() + " of " + capacity());
        }
        int unasked = newIds.length - wanted; // ids whose law nobody wants
        for (int from = 0; from < newIds.length; from += chunk) {
            int to = Math.min(newIds.length, from + chunk);
            System.arraycopy(newIds, from, ids, length(), to - from);
            try (var step = workspace.begin()) {
                Tensor hidden = model.advance(cache, Arrays.copyOfRange(newIds, from, to), workspace, step); // (to - from, C)
                int first = Math.max(from, unasked);
                if (first < to) {
                    model.logitsRows(logits.rows(first - unasked, to - unasked), hidden.rows(first - from, to - from));
                }
            }
        }
    }

    /** Forgets all ids from {@code position} on. */
    public void rewind(int position) {
        cache.rewind(position);
    }

    /**
     * Fails with a sentence that names the model and the position if a row holds NaN, an infinity other than -inf, or only -inf.
     *
     * @param logits   rows of laws
     * @param position of the token that the first row predicts
     */
    void requireFinite(Tensor logits, long position) {
        for (long row = 0; row < logits.rows(); row++) {
            boolean any = false;
            for (long v = 0; v < logits.columns(); v++) {
                float logit = logits.get(row, v);
                if (Float.isNaN(logit) || logit == Float.POSITIVE_INFINITY) {
                    throw new InputException(name + " gives the logit " + logit + " to token " + v + " at position " + (position + row)
                            + "; finite logits were expected: check its weights");
                }
                any |= logit != Float.NEGATIVE_INFINITY;
            }
            if (!any) {
                throw new InputException(
                        name + " gives every token the logit -Infinity at position " + (position + row) + ": check its weights");
            }
        }
    }

    /** Fails with a sentence if {@code prompt} is empty, longer than the model's positions, or has an id that it does not know. */
    void requirePrompt(int[] prompt) {
        if (prompt.length == 0) {
            throw new InputException("the prompt has no tokens, and a law needs at least one; give a prompt that is not empty");
        }
        int positions = model.architecture().maxPositions();
        if (prompt.length > positions) {
            throw new InputException(
                    "the prompt has " + prompt.length + " tokens but " + name + " has " + positions + " positions; shorten the prompt");
        }
        if (prompt.length > capacity()) {
            throw new IllegalArgumentException("a prompt of " + prompt.length + " ids in a session for " + capacity());
        }
        requireKnown(prompt);
    }

    /** Fails with a sentence if {@code prompt} has an id that is outside the model's vocabulary. */
    void requireKnown(int[] prompt) {
        int known = model.architecture().vocabSize();
        for (int id : prompt) {
            if (id < 0 || id >= known) {
                throw new InputException("the prompt has the token id " + id + " but " + name + " has ids 0 to " + (known - 1)
                        + "; its tokenizer belongs to another model");
            }
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
