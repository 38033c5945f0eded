/**
 * Arithmetic word problems in GSM8K's format, made from a seed: the data that the default models learn from and are measured on.
 *
 * <p>What is asked lies beside the classes as text: {@code words.txt} and, by theme, {@code *.kinds} (their form is told in {@code KindReader}).
 * A new kind is a new entry there. Reading order: {@link adaspec.text.problems.ProblemGenerator} (which problem comes where), {@code Kind} (draws
 * facts), {@code Template} and {@code Facts} (facts to text), {@code Expression} (steps), {@link adaspec.text.problems.Split} (why the splits are
 * disjoint), {@link adaspec.text.problems.Generate} (files).
 */
package adaspec.text.problems;
