package adaspec.eval;

import adaspec.common.InputException;
import adaspec.model.Sequences;
import adaspec.model.Transformer;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.PriorityQueue;

/**
 * Log-probabilities of given tokens under one model. Every row of the head counts in the softmax, as in transformers. Runs the training path, whose
 * weights must be f32. One thread at a time.
 */
public final class Scorer {
    /** Bytes that the logits of a chunk of rows may take. */
    private static final long LOGITS_BUDGET = 64L << 20;

    private final String name;
    private final Transformer model;
    private final Workspace workspace;

    /** @param name the model in words, for sentences */
    public Scorer(String name, Transformer model, Workspace workspace) {
        this.name = name;
        this.model = model;
        this.workspace = workspace;
    }

    /** A token and its natural log-probability. */
    public record TokenLogprob(int id, double logprob) {}

    /**
     * @param logprobs (n) entry i: log P(ids[i] | ids before it); entry 0 is NaN, since nothing predicts it
     * @param top      (n) entry i: the most probable tokens after position i, descending, ties by lower id; null if none were asked for
     */
    public record Scores(double[] logprobs, TokenLogprob[][] top) {}

    /**
     * @param ids 1 to P token ids
     * @param top how many of the most probable tokens to give for each position, at most the vocabulary; 0 for none
     * @throws InputException if the ids cannot be scored or the logits are not finite
     */
    public Scores score(int[] ids, int top) {
        requireScorable(ids);
        int rows = top > 0 ? ids.length : ids.length - 1;
        double[] logprobs = new double[ids.length];
        logprobs[0] = Double.NaN;
        TokenLogprob[][] best = top > 0 ? new TokenLogprob[ids.length][] : null;
        if (rows == 0) {
            return new Scores(logprobs, null);
        }
        int vocabulary = model.architecture().vocabSize();
        int chunk = Math.clamp(LOGITS_BUDGET / ((long) vocabulary * Float.BYTES), 1, rows);
        try (var step = workspace.begin()) {
            Tensor hidden = model.forward(Sequences.single(ids), workspace, step); // (n, C)
            for (int from = 0; from < rows; from += chunk) {
                int to = Math.min(rows, from + chunk);
                try (var part = workspace.begin()) {
                    Tensor logits = part.f32(to - from, vocabulary);
                    model.logits(logits, hidden.rows(from, to), workspace);
                    // The last row predicts nothing that is here; any target gives its log-sum-exp.
                    int[] next = new int[to - from];
                    for (int i = 0; i < next.length; i++) {
                        next[i] = from + i + 1 < ids.length ? ids[from + i + 1] : 0;
                    }
                    Tensor lse = part.f32(to - from);
                    model.ops().crossEntropy(part.f32(to - from), lse, logits, part.i32(next));
                    for (int i = 0; i < next.length; i++) {
                        requireFinite(lse.get(i), from + i);
                        if (from + i + 1 < ids.length) {
                            logprobs[from + i + 1] = (double) logits.get(i, next[i]) - lse.get(i);
                        }
                        if (top > 0) {
                            best[from + i] = top(logits, i, lse.get(i), top);
                        }
                    }
                }
            }
        }
        return new Scores(logprobs, best);
    }

    private static TokenLogprob[] top(Tensor logits, int row, double lse, int count) {
        // The head of the queue is the worst kept: lowest logit, and of equals the highest id.
        PriorityQueue<TokenLogprob> kept = new PriorityQueue<>(
                (a, b) -> a.logprob() != b.logprob() ? Double.compare(a.logprob(), b.logprob()) : Integer.compare(b.id(), a.id()));
        for (int v = 0; v < logits.columns(); v++) {
            float logit = logits.get(row, v);
            if (kept.size() < count) {
                kept.add(new TokenLogprob(v, logit));
            } else if (logit > kept.peek().logprob()) {
                kept.poll();
                kept.add(new TokenLogprob(v, logit));
            }
        }
        TokenLogprob[] best = new TokenLogprob[kept.size()];
        for (int i = best.length - 1; i >= 0; i--) {
            TokenLogprob worst = kept.poll();
            best[i] = new TokenLogprob(worst.id(), worst.logprob() - lse);
        }
        return best;
    }

    /** Fails with a sentence unless {@code ids} are 1 to P ids that the model knows. */
    public void requireScorable(int[] ids) {
        int positions = model.architecture().maxPositions();
        int known = model.architecture().vocabSize();
        if (ids.length == 0) {
            throw new InputException("there are no token ids; at least one was expected");
        }
        if (ids.length > positions) {
            throw new InputException("there are " + ids.length + " token ids but " + name + " has " + positions + " positions; split the text");
        }
        for (int id : ids) {
            if (id < 0 || id >= known) {
                throw new InputException("token id " + id + " is unknown to " + name + ", whose ids go from 0 to " + (known - 1));
            }
        }
    }

    private void requireFinite(float lse, int position) {
        if (!Float.isFinite(lse)) {
            throw new InputException(
                    name + " gives logits that are not finite (log-sum-exp " + lse + ") after position " + position + ": check its weights");
        }
    }
}
