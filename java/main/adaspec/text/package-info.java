/**
 * Text becomes tokens, and tokens become text: {@link adaspec.text.Tokenizer} (byte-level BPE from {@code tokenizer.json}),
 * {@link adaspec.text.BpeTrainer}, {@link adaspec.text.Dataset} and {@link adaspec.text.Batcher}. Knows no tensors.
 *
 * <p>Reading order of an encoding: {@code AddedTokens} (cut out whole tokens) -> {@code Nfc} -> {@code PreTokenizer} (words) -> {@code Bpe}
 * (ids of a word) -> {@link adaspec.text.Encoding}. {@code TokenizerJson} builds these parts from the file.
 */
package adaspec.text;
