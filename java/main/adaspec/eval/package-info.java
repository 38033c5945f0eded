/**
 * What speculation gains: {@link adaspec.eval.Evaluator} decodes prompts plainly and speculatively in turn and gives an
 * {@link adaspec.eval.Acceptance}, with intervals from a {@link adaspec.eval.Bootstrap} over prompts. {@link adaspec.eval.Scorer} gives the
 * log-probabilities of given tokens.
 */
package adaspec.eval;
