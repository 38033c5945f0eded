package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.common.Json;
import adaspec.engine.ModelDirectories;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code init}, {@code sft}, {@code distill} and {@code select} as they are typed. */
class TrainingCommandsTest {
    private static final Path GOLDEN = Path.of(System.getProperty("basedir", ""), "java", "golden");

    @TempDir
    private Path folder;

    private Path config;
    private Path tokenizer;

    @BeforeEach
    void write() throws IOException {
        ObjectNode object = Json.MAPPER.createObjectNode();
        object.put("model_type", "gpt_neox").put("vocab_size", 264).put("hidden_size", 16).put("num_hidden_layers", 1);
        object.put("num_attention_heads", 2).put("intermediate_size", 32).put("max_position_embeddings", 128).put("rotary_pct", 0.5);
        config = Files.writeString(folder.resolve("config.json"), object.toString());
        tokenizer = Files.createDirectory(folder.resolve("tokenizer"));
        Files.writeString(tokenizer.resolve("tokenizer.json"), ModelDirectories.tokenizer().toString());
        Files.writeString(tokenizer.resolve("tokenizer_config.json"), "{\"eos_token\" :  \"<|endoftext|>\"}");
    }

    private static Line run(String... arguments) {
        return Line.run(List.of(InitCommand.class, SftCommand.class, DistillCommand.class, SelectCommand.class), arguments);
    }

    private Line init(String output, String... more) {
        return run(joined(
                new String[] {
                    "init", "--config", config.toString(), "--tokenizer", tokenizer.toString(), "--output", folder.resolve(output).toString()
                },
                more));
    }

    private static String[] joined(String[] first, String... second) {
        String[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    private byte[] bytes(String file) throws IOException {
        return Files.readAllBytes(folder.resolve(file));
    }

    // ------------------------------------------------------------------------------------------------ init

    @Test
    void theSameSeedGivesTheSameBytes() throws IOException {
        assertEquals(0, init("a", "--seed", "3").code());
        assertEquals(0, init("b", "--seed", "3").code());
        assertEquals(0, init("c", "--seed", "4").code());
        assertArrayEquals(bytes("a/model.safetensors"), bytes("b/model.safetensors"));
        assertFalse(Arrays.equals(bytes("a/model.safetensors"), bytes("c/model.safetensors")));
        assertArrayEquals(bytes("tokenizer/tokenizer.json"), bytes("a/tokenizer.json"));
        assertArrayEquals(bytes("tokenizer/tokenizer_config.json"), bytes("a/tokenizer_config.json"));
        try (var memory = TestBackends.allocator();
                Model model = Model.open(folder.resolve("a"), null, memory)) {
            assertEquals(DType.F32, model.fileType());
            double sum = 0;
            Tensor embedding = model.weights().embedding();
            for (long i = 0; i < embedding.size(); i++) {
                sum += Math.pow(embedding.get(i), 2);
            }
            // The standard deviation of 4224 draws is known to about 1.1 %.
            assertEquals(0.02, Math.sqrt(sum / embedding.size()), 0.02 * 0.05);
            assertEquals(1, model.weights().finalGain().get(5));
            assertEquals(0, model.weights().finalBias().get(5));
        }
    }

    @Test
    void theTypeComesFromTheConfig() throws IOException {
        String text = Files.readString(config);
        Files.writeString(config, text.replace("{", "{\"torch_dtype\": \"bfloat16\", "));
        assertEquals(0, init("old").code());
        Files.writeString(config, text.replace("{", "{\"dtype\": \"bfloat16\", "));
        assertEquals(0, init("new").code());
        assertArrayEquals(bytes("old/model.safetensors"), bytes("new/model.safetensors"));
        try (var memory = TestBackends.allocator();
                Model model = Model.open(folder.resolve("new"), null, memory)) {
            assertEquals(DType.BF16, model.fileType());
        }
        Files.writeString(config, text.replace("{", "{\"dtype\": \"int8\", "));
        Line line = init("int");
        assertEquals(1, line.code());
        assertTrue(line.log().contains("int8"), line.log());
    }

    @Test
    void aTokenizerThatIsTooLargeIsRefused() throws IOException {
        Files.writeString(config, Files.readString(config).replace("264", "256"));
        Line line = init("a");
        assertEquals(1, line.code());
        assertTrue(line.log().matches("error: the tokenizer in .* has 257 tokens, but \"vocab_size\" in .* is 256; .*\\R"), line.log());
        assertFalse(Files.exists(folder.resolve("a")));
    }

    @Test
    void sizesThatNoMachineHoldsAreNamed() throws IOException {
        Files.writeString(config, Files.readString(config).replace("\"hidden_size\":16", "\"hidden_size\":16777216")
                .replace("\"vocab_size\":264", "\"vocab_size\":16777216").replace("\"num_hidden_layers\":1", "\"num_hidden_layers\":4096")
                .replace("\"intermediate_size\":32", "\"intermediate_size\":16777216"));
        Line line = init("a");
        assertEquals(1, line.code());
        assertTrue(line.log().matches("error: .*config.json describes a model of \\d+ GB in f32, .*\\R"), line.log());
        assertFalse(Files.exists(folder.resolve("a")));
    }

    /** What is in the way makes the last file fail, after the others were written. */
    @Test
    void aFailedAttemptLeavesNothingBehind() throws IOException {
        Path inTheWay = folder.resolve("tokenizer/vocab.json");
        Files.createSymbolicLink(inTheWay, Path.of("/proc/self/mem"));
        Line line = init("a");
        Files.delete(inTheWay);
        assertEquals(1, line.code(), line.log());
        assertFalse(Files.exists(folder.resolve("a")), line.log());
        assertEquals(0, init("a").code());
    }

    @Test
    void aFolderInUseIsRefused() throws IOException {
        Files.createDirectory(folder.resolve("a"));
        Files.writeString(folder.resolve("a/x"), "x");
        Line line = init("a");
        assertEquals(1, line.code());
        assertTrue(line.log().contains("is not empty"), line.log());
    }

    // ------------------------------------------------------------------------------------------------ sft and distill

    private Path data() throws IOException {
        return ModelDirectories.writeSums(folder.resolve("train.jsonl"));
    }

    @Test
    void aLossAndARuleAreNamedAsTheyAreSpelled() throws IOException {
        init("target", "--seed", "1");
        init("draft", "--seed", "2");
        String[] distill = {"distill", "--target", folder.resolve("target").toString(), "--draft", folder.resolve("draft").toString(),
                "--train-file", data().toString(), "--max-steps", "1", "--num-prompts", "1", "--max-new-tokens", "4", "--device", "reference"};
        Line line = run(joined(distill, "--loss", "lk_hybrid", "--selection", "draft-loss", "--output-dir", folder.resolve("run").toString()));
        assertEquals(0, line.code(), line.log());
        String report = Files.readString(folder.resolve("run/report.html"));
        assertTrue(report.contains("lk_hybrid") && report.contains("draft-loss"), "the report names both");
        for (String[] wrong : new String[][] {{"--loss", "mse"}, {"--selection", "top"}, {"--selection", "random", "--method", "distillspec"}}) {
            Line refused = run(joined(distill, joined(wrong, "--output-dir", folder.resolve("none").toString())));
            assertEquals(2, refused.code(), refused.log());
            assertTrue(refused.log().contains(wrong[1]), refused.log());
            assertFalse(Files.exists(folder.resolve("none")));
        }
    }

    @Test
    void pretrainsAndDistills() throws IOException {
        init("target", "--seed", "1");
        init("draft", "--seed", "2");
        String data = data().toString();
        Line sft = run("sft", "--model", folder.resolve("target").toString(), "--train-file", data, "--learning-rate", "5e-3",
                "--num_train_epochs", "4", "--per-device-train-batch-size", "8", "--output-dir", folder.resolve("tuned").toString(), "--device",
                "reference");
        assertEquals(0, sft.code(), sft.log());
        assertTrue(sft.log().contains("  + "), "the first sample with its mask: " + sft.log());
        List<String> lines = Files.readAllLines(folder.resolve("tuned/metrics.jsonl"));
        JsonNode first = Json.parse(lines.getFirst(), "metrics");
        JsonNode last = Json.parse(lines.getLast(), "metrics");
        assertEquals("sft", first.get("stage").asText());
        assertTrue(last.get("train/loss").asDouble() < first.get("train/loss").asDouble() - 0.5, first + "\n" + last);
        assertTrue(last.has("eval/loss"));

        Line distill = run("distill", "--target", folder.resolve("tuned").toString(), "--draft", folder.resolve("draft").toString(), "--train-file",
                data, "--max-steps", "2", "--num-prompts", "1", "--max-new-tokens", "4", "--output-dir", folder.resolve("run").toString(), "--device",
                "reference", "--selection-scope", "sequence", "--loss-normalizer", "selected", "--k-compensation", "off");
        assertEquals(0, distill.code(), distill.log());
        assertTrue(distill.out().contains("untrained") && distill.out().contains("AdaSPEC - reference"), distill.out());
        JsonNode results = Json.readFile(folder.resolve("run/all_results.json"));
        assertEquals(2, results.get("stages").get(1).get("steps").asInt());
        assertTrue(results.get("acceptance").get("draft").get("plain_tokens_per_second").asDouble() > 0);
        assertTrue(Files.readString(folder.resolve("run/train_command.txt")).contains("distill --target"), "the command line is kept");

        Line again = run("distill", "--target", folder.resolve("tuned").toString(), "--draft", folder.resolve("draft").toString(), "--train-file",
                data, "--output-dir", folder.resolve("run").toString(), "--device", "reference");
        assertEquals(1, again.code());
        assertTrue(again.log().contains("is not empty"), again.log());
    }

    /** The first loss differs in its later digits only: the run computes with rounded operands from f32 master weights, which it writes unrounded. */
    @Test
    void trainsWithBf16Products() throws IOException {
        init("target", "--seed", "1");
        init("draft", "--seed", "2");
        String data = data().toString();
        double[] losses = new double[2];
        for (String precision : new String[] {"f32", "bf16"}) {
            String run = folder.resolve(precision).toString();
            Line distill = run("distill", "--target", folder.resolve("target").toString(), "--draft", folder.resolve("draft").toString(), "--train-file",
                    data, "--max-steps", "3", "--num-prompts", "1", "--max-new-tokens", "4", "--precision", precision, "--output-dir", run);
            assertEquals(0, distill.code(), distill.log());
            assertEquals(precision.equals("bf16"), distill.log().contains("its matrices are rounded to bfloat16"), distill.log());
            JsonNode first = Json.parse(Files.readAllLines(Path.of(run, "metrics.jsonl")).getFirst(), "metrics");
            losses[precision.equals("f32") ? 0 : 1] = first.get("train/loss").asDouble();
        }
        assertEquals(losses[0], losses[1], 0.05 * losses[0]);
        assertTrue(losses[0] != losses[1], "nothing was rounded");
        try (var memory = TestBackends.allocator();
                Model trained = Model.open(folder.resolve("bf16"), null, memory)) {
            assertEquals(DType.F32, trained.fileType());
            Tensor embedding = trained.weights().embedding();
            assertTrue(LongStream.range(0, embedding.size()).anyMatch(i -> (Float.floatToRawIntBits(embedding.get(i)) & 0xffff) != 0));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            2 | --k 1.5
            2 | --k 0
            2 | --k x
            2 | --k 1e-9
            2 | --k 1e-300
            2 | --num-speculative-tokens 0
            2 | --num-speculative-tokens 2147483647
            2 | --threads 5000
            2 | --selection-scope file
            2 | --num-train-epochs 0
            2 | --max-steps 0
            2 | --per-device-train-batch-size 0
            2 | --learning-rate -1
            2 | --learning-rate NaN
            2 | --max-grad-norm -1
            2 | --num-prompts 0
            2 | --dataset-format csv
            2 | --warmup-ratio 1.1
            2 | --lr-scheduler-type step
            2 | --save-total-limit 0
            1 | --resume-from-checkpoint latest
            2 | --method distillspec --reference x
            2 | --threads 0
            1 | --device cuda
            1 | --target nowhere
            1 | --model-max-length 4096
            """)
    void refusesWhatItCannotDo(int code, String options) throws IOException {
        init("target");
        String model = folder.resolve("target").toString();
        String[] arguments = joined(
                new String[] {"distill", "--draft", model, "--train-file", data().toString(), "--output-dir", folder.resolve("run").toString()},
                options.strip().split(" "));
        if (!options.contains("--target")) {
            arguments = joined(arguments, "--target", model);
        }
        Line line = run(arguments);
        assertEquals(code, line.code(), line.log());
        assertTrue(line.log().lines().anyMatch(l -> l.startsWith("error: ")), line.log());
        assertFalse(line.log().contains("internal error"), line.log());
        assertFalse(Files.exists(folder.resolve("run")), "nothing is half-written");
    }

    // ------------------------------------------------------------------------------------------------ select

    /** The batch of java/golden/train/distill.json, a line each; the reference is the draft with its matrices times 0.75. */
    @Test
    void selectShowsWhatTheGoldenStepSelected() throws IOException {
        JsonNode golden = Json.readFile(GOLDEN.resolve("train/distill.json"));
        try (var memory = TestBackends.allocator();
                Model model = Model.open(GOLDEN.resolve("neox-sequential-tied"), DType.F32, memory)) {
            Weights reference = model.weights().trainableCopy(memory);
            Tensor matrices = reference.arenaMatrices();
            for (long i = 0; i < matrices.size(); i++) {
                matrices.set(i, 0.75f * matrices.get(i));
            }
            Model.save(folder.resolve("reference"), model.config(), reference, DType.F32, null);
        }
        var ids = new StringBuilder();
        golden.get("sequences").forEach(sequence -> ids.append(sequence).append('\n'));
        var starts = new StringBuilder();
        golden.get("answer_starts").forEach(start -> starts.append(start).append('\n'));
        Files.writeString(folder.resolve("ids.jsonl"), ids);
        Files.writeString(folder.resolve("starts"), starts);
        Line line = select("--loss-start-file", folder.resolve("starts").toString());
        assertEquals(0, line.code(), line.log());

        int at = 0;
        int kept = 0;
        List<String> lines = Files.readAllLines(folder.resolve("selected.jsonl"));
        assertEquals(4, lines.size());
        for (int s = 0; s < lines.size(); s++) {
            JsonNode node = Json.parse(lines.get(s), "selected");
            int length = golden.get("sequences").get(s).size();
            int start = golden.get("answer_starts").get(s).asInt();
            assertEquals(golden.get("sequences").get(s), node.get("ids"));
            for (String key : List.of("kl_draft", "kl_ref", "gap", "kept")) {
                assertEquals(length - 1, node.get(key).size());
            }
            for (int i = 0; i < length - 1; i++) {
                if (i < start - 1) {
                    assertTrue(node.get("kl_draft").get(i).isNull() && node.get("kl_ref").get(i).isNull() && node.get("gap").get(i).isNull());
                    assertEquals(0, node.get("kept").get(i).asInt());
                    continue;
                }
                assertEquals(golden.get("kl_draft").get(at).asDouble(), node.get("kl_draft").get(i).asDouble(), 1e-4);
                assertEquals(golden.get("kl_reference").get(at).asDouble(), node.get("kl_ref").get(i).asDouble(), 1e-4);
                assertEquals(golden.get("gap").get(at).asDouble(), node.get("gap").get(i).asDouble(), 1e-4);
                assertEquals(contains(golden.get("kept"), at) ? 1 : 0, node.get("kept").get(i).asInt(), "entry " + at);
                kept += node.get("kept").get(i).asInt();
                at++;
            }
        }
        assertEquals(golden.get("gap").size(), at);
        assertEquals(golden.get("kept").size(), kept);

        String batch = Files.readString(folder.resolve("selected.jsonl"));
        assertEquals(0, select("--loss-start-file", folder.resolve("starts").toString(), "--selection-scope", "sequence").code());
        assertNotEquals(batch, Files.readString(folder.resolve("selected.jsonl")));
        assertEquals(0, select("--k", "1").code());
        for (String all : Files.readAllLines(folder.resolve("selected.jsonl"))) {
            Json.parse(all, "selected").get("kept").forEach(value -> assertEquals(1, value.asInt()));
        }
    }

    private Line select(String... more) {
        return run(joined(
                new String[] {
                    "select", "--target", GOLDEN.resolve("neox-parallel").toString(), "--draft", GOLDEN.resolve("neox-sequential-tied").toString(),
                    "--reference", folder.resolve("reference").toString(), "--token-ids-file", folder.resolve("ids.jsonl").toString(), "--output",
                    folder.resolve("selected.jsonl").toString(), "--device", "reference"
                },
                more));
    }

    private static boolean contains(JsonNode values, int wanted) {
        for (JsonNode value : values) {
            if (value.asInt() == wanted) {
                return true;
            }
        }
        return false;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            [1, 64] | 1 | ids.jsonl line 1: entry 1 is 64; a token id from 0 to 63
            [1, -1] | 1 | entry 1 is -1
            [1, 2.5]| 1 | entry 1 is 2.5
            []      | 1 | at least one token id
            {}      | 1 | a JSON array
            [1, 2   | 1 | not valid JSON
            [1, 2]  | 0 | starts line 1: a whole number of at least 1
            [1, 2]  | x | starts line 1
            """)
    void selectNamesTheLineThatIsWrong(String ids, String start, String expected) throws IOException {
        Files.writeString(folder.resolve("ids.jsonl"), ids.strip() + "\n");
        Files.writeString(folder.resolve("starts"), start.strip() + "\n");
        String tied = GOLDEN.resolve("neox-sequential-tied").toString();
        Line line = run("select", "--target", GOLDEN.resolve("neox-parallel").toString(), "--draft", tied, "--reference", tied, "--token-ids-file",
                folder.resolve("ids.jsonl").toString(), "--loss-start-file", folder.resolve("starts").toString(), "--output",
                folder.resolve("out.jsonl").toString(), "--device", "reference");
        assertEquals(1, line.code());
        assertTrue(line.log().contains(expected), line.log());
        assertFalse(Files.exists(folder.resolve("out.jsonl")));
    }
}
