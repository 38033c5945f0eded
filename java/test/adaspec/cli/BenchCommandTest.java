package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchCommandTest {
    private static final List<String> KEYS = List.of("name", "shape", "value", "unit", "min", "median", "max", "peak_share", "device");

    @TempDir
    private Path folder;

    private static Line train(String... more) {
        var arguments = new ArrayList<>(List.of("bench", "train", "--shape", "tiny", "--batch", "2", "--length", "16", "--steps", "2"));
        arguments.addAll(List.of(more));
        return Line.run(arguments.toArray(String[]::new));
    }

    @Test
    void theListHasTheKeysOfTheContract() throws Exception {
        Line line = train("--output-json", "-", "--threads", "1");
        assertEquals(Main.OK, line.code(), line.log());
        JsonNode list = Json.MAPPER.readTree(line.out());
        assertTrue(list.size() > 10, line.out());
        for (JsonNode each : list) {
            var keys = new ArrayList<String>();
            each.fieldNames().forEachRemaining(keys::add);
            assertEquals(KEYS, keys);
        }
        assertEquals("tiny 2 x 16 f32", list.get(0).get("shape").asText());
        assertEquals("tokens/s", list.get(0).get("unit").asText());
    }

    @Test
    void theTableNamesEveryPhaseAndTheFileIsWrittenBesideIt() {
        Path file = folder.resolve("train.json");
        Line line = train("--precision", "bf16", "--teacher-cache", "memory", "--epochs", "3", "--output-json", file.toString());
        assertEquals(Main.OK, line.code(), line.log());
        for (String word : List.of("tiny 2 x 16 bf16 cached", "whole steps", "epochs: 3", "1024^3 product", "read bandwidth", "selection", "share")) {
            assertTrue(line.out().contains(word), word + " is missing in\n" + line.out());
        }
        assertTrue(Files.exists(file));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--shape | 70m | --shape 70m is unknown; one of tiny, 70m-31m, 160m-31m was expected",
        "--length | 1 | --length 1 is out of range; 2 to 2048 tokens were expected",
        "--batch | 0 | --batch 0 is out of range",
        "--batch | 999999999 | --batch 999999999 is out of range",
        "--steps | 0 | --steps 0 is out of range",
        "--epochs | 2000000000 | out of range",
        "--warm-up | -1 | --warm-up -1 is out of range",
        "--teacher-cache | disk | --teacher-cache disk is unknown; off or memory was expected",
    })
    void whatIsOutOfRangeIsAWrongUsage(String option, String value, String sentence) {
        Line line = Line.run("bench", "train", option, value);
        assertEquals(Main.USAGE, line.code());
        assertTrue(line.log().contains(sentence), line.log());
    }

    private static Line decode(String... more) {
        var arguments = new ArrayList<>(List.of(
                "bench", "decode", "--shape", "tiny-tiny-draft", "--context", "4", "--max-new-tokens", "8", "--prefill", "5", "--repetitions", "2"));
        arguments.addAll(List.of(more));
        return Line.run(arguments.toArray(String[]::new));
    }

    @Test
    void decodingIsMeasuredWithTheKeysOfTheContract() throws Exception {
        Line line = decode("--synthetic-acceptance", "0.8", "--output-json", "-", "--threads", "1");
        assertEquals(Main.OK, line.code(), line.log());
        JsonNode list = Json.MAPPER.readTree(line.out());
        assertTrue(list.size() > 10, line.out());
        for (JsonNode each : list) {
            var keys = new ArrayList<String>();
            each.fieldNames().forEachRemaining(keys::add);
            assertEquals(KEYS, keys);
        }
        assertEquals("decode: plain", list.get(0).get("name").asText());
        assertEquals("tiny bf16, draft tiny-draft bf16, 5 tokens accepted at 0.8, 8 tokens after 4", list.get(0).get("shape").asText());
    }

    @Test
    void syntheticAcceptanceIsSaidNotToBeLossless() {
        Path file = folder.resolve("decode.json");
        Line line = decode("--synthetic-acceptance", "0.8", "--num-speculative-tokens", "2", "--precision", "f32", "--output-json", file.toString());
        assertEquals(Main.OK, line.code(), line.log());
        for (String word : List.of("tiny f32", "plain decoding", "the bound by reading", "prefill of 5", "tau / (2 c + w)", "not lossless", "peak memory")) {
            assertTrue(line.out().contains(word), word + " is missing in\n" + line.out());
        }
        assertTrue(Files.exists(file));
    }

    @Test
    void theShippedPairIsMeasuredAsItIs() {
        Line line = Line.run("bench", "decode", "--target", "weights/default/target", "--draft", "weights/default/draft", "--synthetic-acceptance", "1",
                "--context", "4", "--max-new-tokens", "8", "--prefill", "5", "--repetitions", "1");
        assertEquals(Main.OK, line.code(), line.log());
        assertTrue(line.out().contains("tau                           6.000"), line.out());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--shape 70 | --shape 70 is unknown; one of tiny, tiny-draft, 31m, 70m, 160m, 410m, 1b, 1.4b, or two of them with a hyphen, was expected",
        "--shape tiny-x | --shape tiny-x is unknown",
        "--shape tiny-tiny | there is a draft but no --synthetic-acceptance; a rate from 0 to 1 was expected",
        "--shape tiny --synthetic-acceptance 0.5 | --synthetic-acceptance 0.5 is given without a draft",
        "--shape tiny-tiny --synthetic-acceptance 1.5 | --synthetic-acceptance 1.5 is out of range",
        "--shape tiny --target x | --shape and --target are both given",
        "--draft x | --draft is given without --target",
        "--shape tiny --context 0 | --context 0 is out of range",
        "--shape tiny --max-new-tokens 0 | --max-new-tokens 0 is out of range",
        "--shape tiny --prefill 0 | --prefill 0 is out of range",
        "--shape tiny --repetitions 0 | --repetitions 0 is out of range",
        "--shape tiny --num-speculative-tokens 0 | --num-speculative-tokens 0 is out of range",
    })
    void whatDecodingCannotMeasureIsAWrongUsage(String options, String sentence) {
        Line line = Line.run(("bench decode " + options).split(" "));
        assertEquals(Main.USAGE, line.code());
        assertTrue(line.log().contains(sentence), line.log());
    }

    private static Line kernels(String... more) {
        var arguments = new ArrayList<>(List.of("bench", "kernels", "--device", "cpu", "--vocab", "96", "--rows", "3", "--hidden", "64", "--context", "9",
                "--repetitions", "2"));
        arguments.addAll(List.of(more));
        return Line.run(arguments.toArray(String[]::new));
    }

    @Test
    void kernelsAreMeasuredWithTheKeysOfTheContract() throws Exception {
        Line line = kernels("--operation", "select", "--operation", "adamw", "--output-json", "-", "--threads", "1");
        assertEquals(Main.OK, line.code(), line.log());
        JsonNode list = Json.MAPPER.readTree(line.out());
        var names = new ArrayList<String>();
        for (JsonNode each : list) {
            var keys = new ArrayList<String>();
            each.fieldNames().forEachRemaining(keys::add);
            assertEquals(KEYS, keys);
            assertTrue(each.get("value").asDouble() > 0, each.toString());
            names.add(each.get("name").asText().replace("kernels: ", ""));
        }
        assertEquals(
                List.of("read bandwidth", "copy bandwidth", "gemm f32", "select quantile", "select quantile rate", "select count", "select count rate", "adamw",
                        "adamw rate"),
                names);
        assertTrue(list.get(0).get("device").asText().startsWith("cpu "), line.out());
    }

    @Test
    void theTableOfKernelsIsReadAndTheFileWrittenBesideIt() {
        Path file = folder.resolve("kernels.json");
        Line line = kernels("--operation", "norm_forward", "--output-json", file.toString());
        assertEquals(Main.OK, line.code(), line.log());
        for (String word : List.of(
                "read bandwidth", "copy bandwidth", "large product", "operation ", "layernorm_forward  48 x 64", "rmsnorm_forward", "share:")) {
            assertTrue(line.out().contains(word), word + " is missing in\n" + line.out());
        }
        assertTrue(Files.exists(file));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--vocab 0 | 2 | --vocab 0 is out of range; 1 to 16777216 was expected",
        "--rows 0 | 2 | --rows 0 is out of range",
        "--rows 65536 --vocab 50304 | 2 | --rows 65536 by --vocab 50304 is out of range; at most 1073741824 logits were expected",
        "--hidden 100 | 2 | --hidden 100 is out of range; a multiple of 64 up to 32768 was expected",
        "--context 0 | 2 | --context 0 is out of range",
        "--repetitions 0 | 2 | --repetitions 0 is out of range",
        "--operation matmul | 2 | --operation matmul names none; there are distill_forward kl_div, ",
        "--device reference | 1 | --device reference: plain Java has no native operations to time; use --device cpu",
        "--device cuda:999 | 1 | --device cuda:999: ",
    })
    void whatOfKernelsCannotBeMeasuredIsASentence(String options, int code, String sentence) {
        Line line = Line.run(("bench kernels " + options).split(" "));
        assertEquals(code, line.code(), line.log());
        assertTrue(line.log().contains(sentence), line.log());
        assertTrue(code == Main.USAGE || line.log().contains("use --device cpu"), line.log());
    }

    @Test
    void noOtherCommandTakesSyntheticAcceptance() {
        for (String command : List.of("generate --target x --prompt y", "eval --target x --draft y --prompt-file z", "distill", "bench train")) {
            Line line = Line.run((command + " --synthetic-acceptance 0.8").split(" "));
            assertEquals(Main.USAGE, line.code(), command);
            assertTrue(line.log().matches("(?s).*unknown options?: '--synthetic-acceptance'.*"), line.log());
        }
    }

    @Test
    void benchAloneSaysWhatThereIs() {
        Line line = Line.run("bench");
        assertEquals(Main.USAGE, line.code());
        assertTrue(line.log().contains("there are `kernels`, `train` and `decode`"), line.log());
    }
}
