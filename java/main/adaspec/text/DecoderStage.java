package adaspec.text;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** One stage of a tokenizer's decoder: tokens in, tokens out, as they come. Immutable; {@link #start} begins one decoding. */
interface DecoderStage {
    /** What {@code token} becomes, if this stage looks at every token alone; else null. */
    default String alone(String token) {
        return null;
    }

    Step start(Step next);

    /** A stage at work. A token comes as parts, so that one that fuses all others need not be kept; passes everything on unless overridden. */
    abstract class Step {
        protected final Step next;

        Step(Step next) {
            this.next = next;
        }

        void part(String text) {
            next.part(text);
        }

        void endToken() {
            next.endToken();
        }

        /** No more tokens. */
        void end() {
            next.end();
        }

        final void pass(String token) {
            next.part(token);
            next.endToken();
        }
    }

    /** A step that has to see the whole of a token. */
    abstract class WholeTokens extends Step {
        private final StringBuilder held = new StringBuilder();

        WholeTokens(Step next) {
            super(next);
        }

        abstract void token(String token);

        @Override
        void part(String text) {
            held.append(text);
        }

        @Override
        void endToken() {
            String token = held.toString();
            held.setLength(0);
            token(token);
        }
    }

    /** The last step. */
    final class Output extends Step {
        private final StringBuilder out;

        Output(StringBuilder out) {
            super(null);
            this.out = out;
        }

        @Override
        void part(String text) {
            out.append(text);
        }

        @Override
        void endToken() {}

        @Override
        void end() {}
    }

    /** Every match in a token becomes {@code content}. */
    record Replace(TextPattern pattern, String content) implements DecoderStage {
        @Override
        public String alone(String token) {
            return new Normalizer.Replace(pattern, content).normalize(token);
        }

        @Override
        public Step start(Step next) {
            return new WholeTokens(next) {
                @Override
                void token(String token) {
                    pass(alone(token));
                }
            };
        }
    }

    /** At most {@code start} times {@code content} at the beginning and {@code stop} times at the end of a token are left out. */
    record Strip(int content, int start, int stop) implements DecoderStage {
        @Override
        public String alone(String token) {
            StringBuilder out = new StringBuilder();
            Step step = start(new Output(out));
            step.part(token);
            step.endToken();
            return out.toString();
        }

        @Override
        public Step start(Step next) {
            return new Step(next) {
                private int cut;
                private boolean inside;
                private int held;

                @Override
                void part(String text) {
                    StringBuilder kept = new StringBuilder(text.length());
                    text.codePoints().forEach(c -> {
                        if (!inside && c == content && cut < start) {
                            cut++;
                            return;
                        }
                        inside = true;
                        if (c == content && held < stop) {
                            held++;
                            return;
                        }
                        if (c != content) {
                            kept.repeat(content, held);
                            held = 0;
                        }
                        kept.appendCodePoint(c);
                    });
                    if (!kept.isEmpty()) {
                        next.part(kept.toString());
                    }
                }

                @Override
                void endToken() {
                    cut = 0;
                    inside = false;
                    held = 0;
                    next.endToken();
                }
            };
        }
    }

    /** The mark of {@link PreTokenizer.Metaspace} becomes a space; where the mark was prepended, those of the first token become nothing. */
    record Metaspace(String mark, boolean prepended) implements DecoderStage {
        @Override
        public Step start(Step next) {
            return new WholeTokens(next) {
                private boolean first = true;

                @Override
                void token(String token) {
                    pass(token.replace(mark, first && prepended ? "" : " "));
                    first = false;
                }
            };
        }
    }

    /** All tokens become one. */
    record Fuse() implements DecoderStage {
        @Override
        public Step start(Step next) {
            return new Step(next) {
                @Override
                void endToken() {}

                @Override
                void end() {
                    next.endToken();
                    next.end();
                }
            };
        }
    }

    /**
     * A run of tokens like {@code <0xE2>} becomes its text, or, if it is not valid UTF-8 as a whole, one U+FFFD for each. It has to wait for the
     * end of the run: a later byte can still make all of it invalid.
     */
    record ByteFallback() implements DecoderStage {
        @Override
        public Step start(Step next) {
            return new WholeTokens(next) {
                private byte[] run = new byte[16];
                private int length;

                @Override
                void token(String token) {
                    int b = byteOf(token);
                    if (b < 0) {
                        flush();
                        pass(token);
                        return;
                    }
                    if (length == run.length) {
                        run = Arrays.copyOf(run, Math.multiplyExact(length, 2));
                    }
                    run[length++] = (byte) b;
                }

                private void flush() {
                    if (length == 0) {
                        return;
                    }
                    try {
                        pass(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(run, 0, length)).toString());
                    } catch (CharacterCodingException e) {
                        for (int i = 0; i < length; i++) {
                            pass("\uFFFD");
                        }
                    }
                    length = 0;
                }

                @Override
                void end() {
                    flush();
                    next.end();
                }
            };
        }

        /** The byte that {@code <0x..>} names, or -1; as Rust reads it, "+" may stand for the first digit. */
        private static int byteOf(String token) {
            if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
                return -1;
            }
            int high = token.charAt(3) == '+' ? 0 : hex(token.charAt(3));
            int low = hex(token.charAt(4));
            return high < 0 || low < 0 ? -1 : high << 4 | low;
        }

        private static int hex(char c) {
            return c < 0x80 ? Character.digit(c, 16) : -1;
        }
    }

    /** Byte-level tokens become their bytes, all of them one text; bytes that are not valid UTF-8 become U+FFFD. */
    record ByteLevel() implements DecoderStage {
        @Override
        public Step start(Step next) {
            return new WholeTokens(next) {
                private final Utf8Decoder decoder = new Utf8Decoder();

                @Override
                void token(String token) {
                    StringBuilder text = new StringBuilder();
                    decoder.push(bytes(token), text);
                    next.part(text.toString());
                }

                @Override
                void end() {
                    StringBuilder text = new StringBuilder();
                    decoder.flush(text);
                    next.part(text.toString());
                    next.endToken();
                    next.end();
                }
            };
        }

        /** What {@code token} spells; one that is not spelled by the byte alphabet (an added token) stands for itself. */
        static byte[] bytes(String token) {
            byte[] spelled = ByteAlphabet.bytesOrNull(token);
            return spelled != null ? spelled : token.getBytes(StandardCharsets.UTF_8);
        }
    }

    /** A file without a decoder: tokens with a space between them. */
    record Joined() implements DecoderStage {
        @Override
        public Step start(Step next) {
            return new WholeTokens(next) {
                private boolean first = true;

                @Override
                void token(String token) {
                    pass(first ? token : " " + token);
                    first = false;
                }
            };
        }
    }
}
