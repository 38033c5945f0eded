package adaspec.bench;

import adaspec.TestData;
import adaspec.text.Tokenizer;
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

/** Text to ids and back: texts, bytes and tokens per second on one thread. Needs the real data. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TokenizerBenchmark {
    @Param({"20B_tokenizer.json", "gpt2.tokenizer.json"})
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
        Path file = TestData.find("tokenizers/" + tokenizer).orElseThrow(() -> new IllegalStateException(
                "tokenizers/" + tokenizer + " is not here; point ADASPEC_DATA at the real data"));
        loaded = Tokenizer.load(file);
        text = Files.readString(TestData.find("text/tinyshakespeare.txt").orElseThrow());
        bytes = text.getBytes(StandardCharsets.UTF_8).length;
        ids = loaded.encode(text, true).ids();
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
