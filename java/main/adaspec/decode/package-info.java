/**
 * Tokens become text's continuation: plainly by {@link adaspec.decode.PlainDecoder}, or speculatively by {@link adaspec.decode.SpeculativeDecoder},
 * whose step reads propose -> score -> accept -> rewind. The output of both obeys the same law, and at temperature 0 it is the same ids.
 *
 * <p>Reading order: {@link adaspec.decode.Session} (a model and its cache) -> {@link adaspec.decode.Proposer} -> {@link adaspec.decode.Verifier}
 * -> {@link adaspec.decode.SpeculativeDecoder} -> {@link adaspec.decode.AcceptanceStats}.
 */
package adaspec.decode;
