/**
 * Training: a batch becomes a loss, a gradient and a step of the optimiser.
 *
 * <pre>
 *   batch -> hidden of target, reference, draft -> per-token KL of draft and of reference -> gap = KL_draft - KL_ref
 *         -> keep the top k of the gaps -> gradient of the loss at the kept rows only -> draft.backward -> AdamW
 * </pre>
 *
 * <p>Reading order: {@link adaspec.train.MicroBatch} (which rows answer), {@link adaspec.train.Distillation} (the step above),
 * {@link adaspec.train.HeadPasses} (the walks over the vocabulary), {@link adaspec.train.Loss}, {@link adaspec.train.Selection},
 * {@link adaspec.train.AdamWOptimizer}, {@link adaspec.train.Trainer} (a stage), {@link adaspec.train.Checkpoints}.
 *
 * <p>Logits of a whole batch never exist: {@link adaspec.train.LogitsBudget} says how many rows go through the heads at a time. Selection needs every
 * gap before the first gradient, hence two passes over the heads, unless all rows fit one chunk (the logits are kept) or nothing is selected away
 * (the gradient of a chunk follows its loss at once).
 */
package adaspec.train;
