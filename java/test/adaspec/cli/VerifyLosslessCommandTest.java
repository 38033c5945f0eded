package adaspec.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.Json;
import adaspec.decode.Decoder;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.TextListener;
import adaspec.engine.ModelDirectories;
import adaspec.eval.LosslessnessCheck;
import adaspec.tensor.DType;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code verify-lossless} as it is typed: it passes what is right and finds what is not. */
class VerifyLosslessCommandTest {
    @TempDir
    private static Path models;

    private static String target;
    private static String draft;

    @TempDir
    private Path folder;

    @BeforeAll
    static void write() {
        target = ModelDirectories.write(models.resolve("target"), 1, 1, DType.BF16).toString();
        draft = ModelDirectories.write(models.resolve("draft"), 1, 1, DType.BF16, 0.05, 256).toString();
    }

    private Line run(Class<? extends Command> command, String... more) throws IOException {
        Path prompts = Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt\":\"Tom\"}\n{\"prompt\":\"ab\"}\n");
        String[] fixed = {"verify-lossless", "--target", target, "--draft", draft, "--prompt-file", prompts.toString(), "--threads", "1"};
        String[] all = java.util.stream.Stream.concat(java.util.Arrays.stream(fixed), java.util.Arrays.stream(more)).toArray(String[]::new);
        return Line.run(List.of(command), all);
    }

    @Test
    void whatIsRightPasses() throws IOException {
        Path json = folder.resolve("out.json");
        Line line = run(VerifyLosslessCommand.class, "--output-json", json.toString());
        assertEquals(0, line.code(), line.log() + line.out());
        JsonNode node = Json.parse(Files.readString(json), "out");
        assertEquals(2, node.at("/greedy/prompts").asInt());
        assertEquals(0, node.at("/greedy/mismatched_prompts").asInt());
        assertEquals(1.0, node.get("self_acceptance").asDouble());
        assertEquals(20_000, node.at("/sampling/draws").asInt());
        assertTrue(node.at("/sampling/p_value").asDouble() > 1e-3, node.toString());
        double distance = node.at("/sampling/detectable_total_variation").asDouble();
        assertTrue(distance > 0 && distance < 0.2, "detectable distance " + distance);
        assertTrue(line.out().contains("does not change"), line.out());
    }

    /** Decodes with the draft in place of the target: greedily, or only where it samples. */
    private record DraftAlone(Session target, Session draft, int[] endTokens, boolean onlySampled) implements Decoder {
        @Override
        public adaspec.decode.Completion decode(int[] prompt, Sampling sampling, int sequence, TextListener listener) {
            boolean honest = onlySampled && (sampling.isGreedy() || sampling.maxNewTokens() > 2);
            Decoder right = LosslessnessCheck.OWN.speculative(target, draft, adaspec.decode.Speculation.of(2), endTokens);
            return (honest ? right : new PlainDecoder(draft, endTokens)).decode(prompt, sampling, sequence, listener);
        }
    }

    @picocli.CommandLine.Command(name = "verify-lossless")
    static final class WrongIds extends VerifyLosslessCommand {
        @Override
        LosslessnessCheck.Decoders decoders() {
            return (target, draft, speculation, endTokens) -> draft.name().contains("own")
                    ? LosslessnessCheck.OWN.speculative(target, draft, speculation, endTokens)
                    : new DraftAlone(target, draft, endTokens, false);
        }
    }

    @picocli.CommandLine.Command(name = "verify-lossless")
    static final class WrongLaw extends VerifyLosslessCommand {
        @Override
        LosslessnessCheck.Decoders decoders() {
            return (target, draft, speculation, endTokens) -> new DraftAlone(target, draft, endTokens, true);
        }
    }

    @Test
    void whatIsBrokenFails() throws IOException {
        Path json = folder.resolve("out.json");
        Line ids = run(WrongIds.class, "--output-json", json.toString());
        assertEquals(1, ids.code(), ids.log());
        assertTrue(Json.parse(Files.readString(json), "out").at("/greedy/mismatched_prompts").asInt() > 0);
        assertTrue(ids.out().contains("CHANGES"), ids.out());
        Line law = run(WrongLaw.class, "--output-json", json.toString());
        assertEquals(1, law.code(), law.log());
        JsonNode node = Json.parse(Files.readString(json), "out");
        assertEquals(0, node.at("/greedy/mismatched_prompts").asInt());
        assertEquals(1.0, node.get("self_acceptance").asDouble());
        assertTrue(node.at("/sampling/p_value").asDouble() < 1e-6, node.toString());
    }

    @Test
    void fewerDrawsThanProveAnythingAreRefused() throws IOException {
        assertEquals(2, run(VerifyLosslessCommand.class, "--draws", "19999").code());
    }
}
