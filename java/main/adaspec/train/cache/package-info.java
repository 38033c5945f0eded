/**
 * What the frozen models of a distillation say, asked once and remembered: the target's last hidden state of every answer row of the training samples,
 * and the reference's KL from the target. In memory or in a folder; {@code CachedTeachers} answers from it in the models' place.
 */
package adaspec.train.cache;
