/**
 * Language models as data: an {@link adaspec.model.Architecture} says how a family differs, {@link adaspec.model.Weights} holds the parameters,
 * and one {@link adaspec.model.Transformer} runs them all, forward, backward and with a cache.
 *
 * <p>A forward ends at the last hidden state. The vocabulary head is not part of the body: losses and decoders walk it in the rows they need.
 */
package adaspec.model;
