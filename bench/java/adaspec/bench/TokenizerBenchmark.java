package adaspec.bench;

import adaspec.TestData;
import adaspec.common.Json;
import adaspec.text.Tokenizer;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Text to ids and back: texts, bytes and tokens per second on one thread. Needs the real data.
 *
 * <p>{@code o200k} is the first tokenizer with GPT-4o's expression, which takes the general matcher; {@code sentencepiece} is the small tokenizer
 * of the tests, as Llama 2 has it: the whole text is one word, most tokens are short.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TokenizerBenchmark {
    private static final String O200K =
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    @Param({"20B_tokenizer.json", "gpt2.tokenizer.json", "o200k", "sentencepiece"})
    public String tokenizer;

    private Tokenizer loaded;
    private String text;
    private int bytes;
    private int[] ids;

    /** How much was done; JMH divides it by the time. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Work {
        public double bytes;
        public double tokens;

        @Setup(Level.Iteration)
        public void clear() {
            bytes = 0;
            tokens = 0;
        }
    }

    @Setup
    public void load() throws Exception {
        loaded = Tokenizer.load(switch (tokenizer) {
            case "o200k" -> o200k();
            case "sentencepiece" -> Path.of("java", "golden", "text", "sentencepiece.tokenizer.json");
            default -> real(tokenizer);
        });
        text = Files.readString(TestData.find("text/tinyshakespeare.txt").orElseThrow());
        bytes = text.getBytes(StandardCharsets.UTF_8).length;
        ids = loaded.encode(text, true).ids();
    }

    private static Path real(String name) {
        return TestData.find("tokenizers/" + name).orElseThrow(() -> new IllegalStateException(
                "tokenizers/" + name + " is not here; point ADASPEC_DATA at the real data"));
    }

    private static Path o200k() throws Exception {
        ObjectNode json = (ObjectNode) Json.readFile(real("20B_tokenizer.json"));
        ArrayNode steps = json.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        steps.addObject().put("type", "Split").put("behavior", "Isolated").put("invert", false).putObject("pattern").put("Regex", O200K);
        steps.addObject().put("type", "ByteLevel").put("add_prefix_space", false).put("use_regex", false);
        Path file = Files.createTempFile("o200k", ".json");
        file.toFile().deleteOnExit();
        return Files.write(file, Json.MAPPER.writeValueAsBytes(json));
    }

    @Benchmark
    public Object encode(Work work) {
        work.bytes += bytes;
        work.tokens += ids.length;
        return loaded.encode(text, true);
    }

    @Benchmark
    public Object decode(Work work) {
        work.bytes += bytes;
        work.tokens += ids.length;
        return loaded.decode(ids);
    }
}
