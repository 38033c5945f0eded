package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.FlatYaml;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.common.Sha256;
import adaspec.model.Model;
import adaspec.model.ModelFiles;
import adaspec.text.Batcher;
import adaspec.text.DatasetFormat;
import adaspec.train.TrainingOptions;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The settings of a run, resolved, by the names of their options: the one list that config.yaml is written from and that a resumed run is held to.
 * A new option is a line here; a test compares the list with the command line.
 */
final class RunSettings {
    /** The file in a run's folder. */
    static final String FILE = "config.yaml";

    /**
     * @param value      null where there is none: then {@code unset} says what that means
     * @param determines whether another value makes another run; a resumed run must keep it
     */
    private record Setting(String name, Object value, boolean determines, String unset) {}

    private final List<Setting> settings = new ArrayList<>();
    private final ObjectNode facts = Json.MAPPER.createObjectNode();
    private final String command;

    private RunSettings(String command) {
        this.command = command;
    }

    /** @param maxLength that samples were cut at */
    static RunSettings of(Distiller.Builder run, int maxLength, Backend backend) {
        return new RunSettings("distill")
                .free("target", path(run.target), "the one that comes along")
                .free("draft", path(run.draft), "the one that comes along")
                .free("reference", path(run.reference), "trained by this run")
                .determining("method", run.method)
                .data(run.trainFiles, run.evalFile, run.format, maxLength)
                .determining("k", run.selection.k())
                .determining("selection", run.selection.rule())
                .determining("selection-scope", run.selection.scope())
                .determining("loss", run.loss)
                .determining("loss-normalizer", run.training.normalizer())
                .determining("k-compensation", run.compensation ? "on" : "off")
                .free("teacher-cache", run.teacherCache.folder() == null ? run.teacherCache.toString() : path(run.teacherCache.folder()), "")
                .training(run.training)
                .determining("num-prompts", run.numPrompts)
                .determining("max-new-tokens", run.evaluation.sampling().maxNewTokens())
                .determining("num-speculative-tokens", run.evaluation.speculation().length())
                .place(run.output, run.training, backend);
    }

    /** @param maxLength that samples were cut at */
    static RunSettings of(FineTuner.Request run, int maxLength, Backend backend) {
        return new RunSettings("sft")
                .free("model", path(run.model()), "")
                .data(run.trainFiles(), run.evalFile(), run.format(), maxLength)
                .training(run.options())
                .place(run.output(), run.options(), backend);
    }

    private RunSettings data(List<Path> trainFiles, Path evalFile, DatasetFormat format, int maxLength) {
        List<String> files = trainFiles.stream().map(RunSettings::path).filter(java.util.Objects::nonNull).toList();
        return free("train-file", files.isEmpty() ? null : files, "the data that come along")
                .free("eval-file", path(evalFile), evalFile == null ? "a share of the training samples" : "the data that come along")
                .free("dataset-format", format == null ? "auto" : format, "")
                .determining("model-max-length", maxLength);
    }

    private RunSettings training(TrainingOptions options) {
        facts.put("the memory for logits", options.logitsBudget().toString());
        return determining("num-train-epochs", options.epochs())
                .add("max-steps", options.maxSteps() == 0 ? null : options.maxSteps(), true, "no limit")
                .determining("per-device-train-batch-size", options.batchSize())
                .determining("gradient-accumulation-steps", options.accumulation())
                .determining("learning-rate", options.learningRate())
                .determining("lr-scheduler-type", options.schedule().kind())
                .determining("warmup-ratio", options.schedule().warmupRatio())
                .determining("weight-decay", options.weightDecay())
                .determining("max-grad-norm", options.maxGradNorm())
                .determining("seed", options.seed())
                .determining("group-by-length", options.grouping() == Batcher.Grouping.LENGTH)
                .add("eval-steps", options.evalSteps() == 0 ? null : options.evalSteps(), true, "at the end of a stage")
                .free("logging-steps", options.loggingSteps(), "")
                .free("save-steps", options.saveSteps() == 0 ? null : options.saveSteps(), "at the end of a stage")
                .free("save-total-limit", options.saveTotalLimit() == 0 ? null : options.saveTotalLimit(), "no limit");
    }

    private RunSettings place(Path output, TrainingOptions options, Backend backend) {
        return determining("device", backend.name())
                .determining("precision", options.precision().name().toLowerCase(Locale.ROOT))
                .free("threads", null, "all cores; results do not depend on it")
                .free("output-dir", path(output), "");
    }

    private RunSettings determining(String name, Object value) {
        return add(name, value, true, "");
    }

    private RunSettings free(String name, Object value, String unset) {
        return add(name, value, false, unset);
    }

    private RunSettings add(String name, Object value, boolean determines, String unset) {
        settings.add(new Setting(name, plain(value), determines, unset));
        return this;
    }

    /** Something else that determines the run, such as the hash of a model: {@code name} begins the sentence of a mismatch. */
    RunSettings fact(String name, String value) {
        facts.put(name, value);
        return this;
    }

    /** The texts that are trained on and held out, as tokens, and what made them tokens. */
    RunSettings data(TrainingData data) {
        return fact("the training data", "sha256 " + data.train().fingerprint())
                .fact("the held-out data", "sha256 " + data.heldOut().fingerprint());
    }

    /** Of all that determines what {@code model} computes, its tokenizer included. */
    static String hash(Model model) {
        var hashes = new StringBuilder();
        ModelFiles.hashes(model.directory()).forEach((name, hash) -> hashes.append(name).append(' ').append(hash).append('\n'));
        Path tokenizer = model.directory().resolve("tokenizer.json");
        return "sha256 " + Sha256.ofText(hashes + (Files.exists(tokenizer) ? Sha256.ofFile(tokenizer) : ""));
    }

    /** Absolute, so that the file can be read from anywhere; null for what the engine brings along, which another machine has elsewhere. */
    private static String path(Path path) {
        return path == null || DefaultAssets.isBundled(path) ? null : path.toAbsolutePath().normalize().toString();
    }

    /** Numbers without exponents; enumerations as the command line spells them. */
    private static Object plain(Object value) {
        if (value instanceof Double number) {
            BigDecimal exact = BigDecimal.valueOf(number).stripTrailingZeros();
            return exact.scale() > 12 ? number : exact.scale() < 0 ? exact.setScale(0) : exact;
        }
        return value instanceof Number || value instanceof List || value == null ? value : value.toString();
    }

    /** What a resumed run must have alike: texts by names, for its checkpoints. */
    ObjectNode determining() {
        ObjectNode run = Json.MAPPER.createObjectNode();
        run.put("command", command);
        settings.stream().filter(Setting::determines).forEach(s -> run.put("--" + s.name, s.value == null ? s.unset : text(s.value)));
        return run.setAll(facts);
    }

    private static String text(Object value) {
        return value instanceof BigDecimal number ? number.toPlainString() : value.toString();
    }

    /**
     * Fails unless the settings are those of a checkpoint. What only one of the two knows was added to the engine between them and is passed over.
     *
     * @param made {@link #determining} of the run that wrote {@code checkpoint}
     */
    void requireSame(JsonNode made, Path checkpoint) {
        determining().properties().forEach(setting -> {
            String here = setting.getValue().asText();
            String there = made.path(setting.getKey()).asText(here);
            if (!here.equals(there)) {
                throw new InputException("cannot resume from " + checkpoint + ": " + setting.getKey() + " is " + here
                        + ", but the checkpoint was made with " + there + "; resume with what the run was started with, or start a new run in another --output-dir");
            }
        });
    }

    /** Writes config.yaml, which {@code --config} reads. */
    void write(Path folder) {
        AtomicFile.writeString(folder.resolve(FILE), text());
    }

    /** The text of config.yaml. */
    String text() {
        var yaml = new StringBuilder("# Every setting of this run, as resolved: what a command line leaves out is taken from here by\n#   adaspec "
                + command + " --config " + FILE + " --output-dir ANOTHER\n");
        for (Setting setting : settings) {
            if (setting.value instanceof List<?> values) {
                yaml.append(setting.name).append(":\n");
                values.forEach(value -> yaml.append("  - ").append(FlatYaml.scalar(value)).append('\n'));
            } else if (setting.value == null) {
                yaml.append("# ").append(setting.name).append(": ").append(setting.unset).append('\n');
            } else {
                Object value = setting.value instanceof BigDecimal ? text(setting.value) : FlatYaml.scalar(setting.value);
                yaml.append(setting.name).append(": ").append(value).append('\n');
            }
        }
        return yaml.toString();
    }
}
