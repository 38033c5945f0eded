package adaspec.engine;

import adaspec.common.FolderLock;
import adaspec.common.InputException;
import adaspec.model.Model;
import adaspec.tensor.DType;
import adaspec.text.DatasetFormat;
import adaspec.text.Tokenizer;
import adaspec.train.CrossEntropy;
import adaspec.train.Trainer;
import adaspec.train.TrainingOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Cross entropy on the answer tokens of a dataset: pretrains or fine-tunes a target or a draft. */
public final class FineTuner {
    /**
     * @param model      model directory with a tokenizer
     * @param trainFiles at least one
     * @param evalFile   null: a share of the training samples is held out
     * @param format     null: found out from each file
     * @param maxLength  tokens that a sample is cut at; 0: 512, or fewer if the model holds fewer
     * @param output     the run's folder
     * @param overwrite  whether it may have an earlier run in it
     * @param resume     take the run in the output folder up from one of its checkpoints; null: the run is new
     * @param arguments  the command line, for train_command.txt; may be empty
     */
    public record Request(
            Path model,
            List<Path> trainFiles,
            Path evalFile,
            DatasetFormat format,
            int maxLength,
            TrainingOptions options,
            Path output,
            boolean overwrite,
            ResumeFrom resume,
            List<String> arguments) {}

    private FineTuner() {}

    /**
     * Trains on the calling thread, and leaves the trained model, its checkpoints and metrics.jsonl in the output folder. An interrupt of the thread
     * is a request to stop; it is still interrupted afterwards.
     *
     * @throws InputException if something given cannot be used, a file cannot be written, or the loss is not finite
     * @throws adaspec.train.TrainingStopped if {@code stop} said so; a checkpoint is there
     */
    public static Trainer.Outcome run(Request request, Backend backend, RunListener listener, BooleanSupplier stop) {
        var stopping = new StopRequest(stop);
        try (var memory = backend.newAllocator();
                var workspace = backend.newWorkspace();
                Model model = Model.open(request.model, DType.F32, memory)) {
            TrainingData data = read(request, model);
            RunDirectory.requireApart(request.output, request.model);
            RunDirectory.requireKept(request.output, request.overwrite, request.trainFiles, request.evalFile);
            RunSettings settings = RunSettings.of(request, Limits.maxLength(request.maxLength, model), backend)
                    .fact("the files of --model", RunSettings.hash(model))
                    .data(data);
            var stages = List.of(new RunStart.Stage("sft", request.output));
            var beginning = new RunStart.Request(
                    request.output, stages, request.overwrite, request.resume, request.options.saveTotalLimit(), request.arguments);
            try (FolderLock alone = RunStart.enter(beginning, listener)) {
                RunStart start = RunStart.begin(beginning, settings, backend, listener);
                data.introduction().forEach(listener::note);
                return new StageRunner(backend, request.output, start.determining(), listener, stopping)
                        .run(
                                "sft",
                                request.output,
                                model,
                                request.model,
                                request.options,
                                data,
                                training -> new CrossEntropy(training, request.options.logitsBudget(), workspace),
                                start.checkpointOf("sft"),
                                memory)
                        .outcome();
            }
        } finally {
            stopping.giveBack();
        }
    }

    /**
     * What {@link #run} would do: its settings as in config.yaml, and below them, as comments, an estimate of its memory. Nothing is written.
     */
    public static String plan(Request request, Backend backend) {
        try (var memory = backend.newAllocator();
                Model model = Model.open(request.model, DType.F32, memory)) {
            TrainingData data = read(request, model);
            String parts = new MemoryPlan(request.options.precision())
                    .open("model", model, DType.F32)
                    .copy("model in training", model.architecture())
                    .optimizer(model.architecture())
                    .step(model.architecture(), null, data.plan(request.options), request.options.logitsBudget(), model.architecture().vocabSize(), 1)
                    .text();
            return RunSettings.of(request, Limits.maxLength(request.maxLength, model), backend).text() + parts;
        }
    }

    private static TrainingData read(Request request, Model model) {
        Tokenizer tokenizer = Vocabularies.tokenizerOrNull(request.model);
        if (tokenizer == null) {
            throw new InputException("there is no tokenizer.json in " + request.model + "; a model directory with its tokenizer was expected");
        }
        Vocabularies.shared(tokenizer, model);
        var wanted = new TrainingData.Request(
                request.trainFiles, request.evalFile, request.format, Limits.maxLength(request.maxLength, model));
        return TrainingData.read(wanted, tokenizer, model.endTokens());
    }
}
