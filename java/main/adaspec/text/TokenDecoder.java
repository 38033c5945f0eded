package adaspec.text;

import adaspec.text.DecoderStage.ByteLevel;
import adaspec.text.DecoderStage.Output;
import adaspec.text.DecoderStage.Step;
import java.util.List;

/** Ids to text by the stages of a tokenizer's decoder, as they come or all at once. Immutable; safe for many threads. */
final class TokenDecoder {
    private final List<DecoderStage> stages;

    /** By id, after the first stages as far as they look at every token alone; null where no token has the id. */
    private final String[] tokens;

    /** By id, where what is left is the byte level alone; else null. */
    private final byte[][] bytes;

    /** @param spelled the tokens by id as the decoder is to see them; null where no token has the id */
    TokenDecoder(List<DecoderStage> stages, String[] spelled) {
        tokens = spelled.clone();
        int done = 0;
        while (done < stages.size() && stages.get(done).alone("") != null) {
            DecoderStage stage = stages.get(done++);
            for (int id = 0; id < tokens.length; id++) {
                tokens[id] = tokens[id] == null ? null : stage.alone(tokens[id]);
            }
        }
        this.stages = List.copyOf(stages.subList(done, stages.size()));
        if (this.stages.size() == 1 && this.stages.get(0) instanceof ByteLevel) {
            bytes = new byte[tokens.length][];
            for (int id = 0; id < bytes.length; id++) {
                bytes[id] = tokens[id] == null ? null : ByteLevel.bytes(tokens[id]);
            }
        } else {
            bytes = null;
        }
    }

    boolean has(int id) {
        return id >= 0 && id < tokens.length && tokens[id] != null;
    }

    /** Begins a text, which is appended to {@code out}. */
    Run start(StringBuilder out) {
        return bytes == null ? new Staged(out) : new Bytes(out);
    }

    /** One text, one thread. */
    interface Run {
        /** Takes a token that the vocabulary {@link #has}; writes what is certain by now. */
        void push(int id);

        /** Writes the rest. */
        void end();
    }

    private final class Bytes implements Run {
        private final StringBuilder out;
        private final Utf8Decoder decoder = new Utf8Decoder();

        Bytes(StringBuilder out) {
            this.out = out;
        }

        @Override
        public void push(int id) {
            decoder.push(bytes[id], out);
        }

        @Override
        public void end() {
            decoder.flush(out);
        }
    }

    private final class Staged implements Run {
        private final Step first;

        Staged(StringBuilder out) {
            Step step = new Output(out);
            for (int i = stages.size() - 1; i >= 0; i--) {
                step = stages.get(i).start(step);
            }
            first = step;
        }

        @Override
        public void push(int id) {
            first.part(tokens[id]);
            first.endToken();
        }

        @Override
        public void end() {
            first.end();
        }
    }
}
