package adaspec.model;

import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A linear map out (N, O) = x (N, I) weight(O, I)^T + bias(O) whose outputs may be several tensors of a file side by side: Llama keeps queries, keys
 * and values apart, and gates and ups.
 *
 * <p>Parts that lie one after the other in memory are one matrix and take one product. Those of an arena always do, so training has one product a map;
 * those of a mapped file are used where they lie, and the parts that its writer parted take a product each, into their columns. Row-invariant products
 * give the same bits either way.
 */
final class LinearMap {
    /** @param bias null: none; both cover outputs {@code first} to {@code first + weight.rows()} */
    record Part(Tensor weight, Tensor bias, long first) {
        long last() {
            return first + weight.rows();
        }
    }

    private final List<Part> parts = new ArrayList<>();

    /** @param biases as many as weights; all null or none */
    LinearMap(List<Tensor> weights, List<Tensor> biases) {
        long first = 0;
        for (int i = 0; i < weights.size(); i++) {
            add(new Part(weights.get(i), biases.get(i), first));
            first += weights.get(i).rows();
        }
    }

    private void add(Part part) {
        if (!parts.isEmpty()) {
            Part before = parts.getLast();
            boolean oneBias = part.bias == null || Tensor.areAdjacent(before.bias, part.bias);
            if (oneBias && Tensor.areAdjacent(before.weight, part.weight)) {
                Tensor bias = part.bias == null ? null : Tensor.join(before.bias, part.bias);
                parts.set(parts.size() - 1, new Part(Tensor.join(before.weight, part.weight), bias, before.first));
                return;
            }
        }
        parts.add(part);
    }

    List<Part> parts() {
        return parts;
    }

    /** The weight of a map of one part, as every arena's is. */
    Tensor weight() {
        return only().weight;
    }

    /** The bias of a map of one part; null: none. */
    Tensor bias() {
        return only().bias;
    }

    private Part only() {
        if (parts.size() != 1) {
            throw new IllegalStateException("a map in " + parts.size() + " parts; one was expected");
        }
        return parts.getFirst();
    }

    /** By {@link Ops#linear}: for throughput. */
    void forward(Ops ops, Tensor out, Tensor x) {
        parts.forEach(part -> ops.linear(columns(out, part), x, part.weight, part.bias));
    }

    /** By {@link Ops#linearRows}: a row's bits are its own. */
    void forwardRows(Ops ops, Tensor out, Tensor x) {
        parts.forEach(part -> ops.linearRows(columns(out, part), x, part.weight, part.bias));
    }

    private Tensor columns(Tensor out, Part part) {
        return parts.size() == 1 ? out : out.columns(part.first, part.last());
    }
}
