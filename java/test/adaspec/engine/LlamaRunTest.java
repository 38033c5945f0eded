package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import adaspec.TestBackends;
import adaspec.common.AtomicFile;
import adaspec.common.Json;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Evaluator;
import adaspec.model.Model;
import adaspec.model.Weights;
import adaspec.tensor.DType;
import adaspec.tensor.Safetensors;
import adaspec.train.Selection;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A draft distilled from a target, both Llamas or both of a kin: the run ends, resumes bit for bit, and leaves the tensors it was given. */
class LlamaRunTest {
    @TempDir
    private Path folder;

    private static void write(Path directory, String family, int layers, long seed, boolean tied) {
        ObjectNode config = Json.MAPPER.createObjectNode();
        config.put("model_type", family).put("vocab_size", ModelDirectories.VOCABULARY).put("hidden_size", 16).put("num_hidden_layers", layers);
        config.put("num_attention_heads", 4).put("num_key_value_heads", 2).put("intermediate_size", 24).put("max_position_embeddings", 131072);
        config.put("initializer_range", 0.3).put("tie_word_embeddings", tied).put("eos_token_id", 256);
        config.putObject("rope_scaling").put("rope_type", "llama3").put("factor", 8).put("low_freq_factor", 1).put("high_freq_factor", 4)
                .put("original_max_position_embeddings", 32);
        try (var memory = TestBackends.allocator()) {
            Weights weights = Weights.zeros(Model.architectureOf(config, "config"), memory);
            weights.initialize(seed);
            Model.save(directory, config, weights, DType.F32, null);
        }
        AtomicFile.writeString(directory.resolve("tokenizer.json"), ModelDirectories.tokenizer().toString());
    }

    private Distiller.Builder builder(String output) {
        return Distiller.builder()
                .target(folder.resolve("target"))
                .draft(folder.resolve("draft"))
                .trainFiles(List.of(folder.resolve("train.jsonl")))
                .training(TrainingOptions.builder().batchSize(4).maxSteps(4).learningRate(3e-3).saveSteps(2).build())
                .selection(new Selection(0.4, Selection.Scope.MICRO_BATCH))
                .numPrompts(2)
                .evaluation(new Evaluator.Settings(Sampling.greedy(8), Speculation.of(3), false))
                .output(folder.resolve(output));
    }

    private static Distiller.Result run(Distiller.Builder builder) {
        try (Backend backend = Backend.open("reference", 1)) {
            return builder.build().run(backend);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2"})
    void aStoppedRunTakenUpEqualsOneThatNeverStopped(String family) throws Exception {
        write(folder.resolve("target"), family, 2, 1, false);
        write(folder.resolve("draft"), family, 1, 2, true);
        ModelDirectories.writeSums(folder.resolve("train.jsonl"));
        run(builder("whole"));
        var asked = new AtomicInteger();
        assertThrows(TrainingStopped.class, () -> run(builder("stopped").stop(() -> asked.incrementAndGet() > 5)));
        run(builder("stopped").resume(ResumeFrom.LATEST));
        String file = "model.safetensors";
        assertEquals(Runs.content(folder.resolve("whole")).get(file), Runs.content(folder.resolve("stopped")).get(file));
        try (var before = Safetensors.open(folder.resolve("draft/model.safetensors"));
                var after = Safetensors.open(folder.resolve("whole/model.safetensors"))) {
            assertEquals(before.tensors().keySet(), after.tensors().keySet());
        }
    }
}
