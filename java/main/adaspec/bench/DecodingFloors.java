package adaspec.bench;

import adaspec.model.Architecture;
import adaspec.model.KvCache;
import adaspec.model.Weights;
import adaspec.tensor.Tensor;

/**
 * What a target cannot decode faster than: the bytes that a step must read, and the operations that a prompt takes.
 *
 * @param weightBytes   read in every step: all weights, of the embedding one row unless it is the head too
 * @param positionBytes of the cache, read in a step for each position
 */
record DecodingFloors(Architecture model, long weightBytes, long positionBytes) {
    static DecodingFloors of(Weights weights) {
        Architecture model = weights.architecture();
        long bytes = weights.bytes();
        if (!model.tiedHead()) {
            Tensor embedding = weights.embedding();
            bytes -= (embedding.rows() - 1) * embedding.columns() * embedding.dtype().bytes();
        }
        return new DecodingFloors(model, bytes, KvCache.bytesPerPosition(model));
    }

    /**
     * Bytes of a step, the mean of {@code tokens} of them after a text of {@code context} tokens: the first reads its last one's place and all before,
     * each further step a position more.
     */
    double stepBytes(int context, int tokens) {
        return weightBytes + positionBytes * (context + (tokens - 1) / 2.0);
    }

    /** Operations of reading {@code tokens} tokens and the head once. */
    double prefillOperations(int tokens) {
        return Operations.body(model, 1, tokens) + Operations.head(model, 1);
    }
}
