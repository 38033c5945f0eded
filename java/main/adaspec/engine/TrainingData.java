package adaspec.engine;

import adaspec.common.InputException;
import adaspec.text.Batch;
import adaspec.text.Batcher;
import adaspec.text.Dataset;
import adaspec.text.DatasetFormat;
import adaspec.text.Prompt;
import adaspec.text.Sample;
import adaspec.text.SampleView;
import adaspec.text.Tokenizer;
import adaspec.train.BatchPlan;
import adaspec.train.BatcherPlan;
import adaspec.train.MicroBatch;
import adaspec.train.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Samples to train on, and samples held out.
 *
 * @param heldOut may have no samples, where all training texts are the same and no evaluation file was given
 */
record TrainingData(Tokenizer tokenizer, Dataset train, Dataset heldOut) {
    /**
     * What to read.
     *
     * @param trainFiles at least one
     * @param evalFile   null: a share of the training samples, chosen by a hash of their text, is held out
     * @param format     null: found out from each file
     * @param maxLength  tokens that a sample is cut at
     */
    record Request(List<Path> trainFiles, Path evalFile, DatasetFormat format, int maxLength) {}

    /** @param endTokens of the model; the first ends a text where the tokenizer names no end */
    static TrainingData read(Request request, Tokenizer tokenizer, int[] endTokens) {
        OptionalInt end = tokenizer.endOfText();
        if (end.isEmpty() && endTokens.length > 0 && endTokens[0] < tokenizer.size()) {
            end = OptionalInt.of(endTokens[0]);
        }
        Dataset all = Dataset.read(request.trainFiles(), request.format(), tokenizer, end, request.maxLength());
        if (request.evalFile() != null) {
            return new TrainingData(tokenizer, all, Dataset.read(List.of(request.evalFile()), request.format(), tokenizer, end, request.maxLength()));
        }
        Dataset.Split split = all.split(Dataset.HELD_OUT);
        // The split no longer knows what was dropped while reading: that belongs to the whole.
        return new TrainingData(tokenizer, new Dataset(split.train().samples(), all.dropped(), all.droppedAnswerTokens()), split.heldOut());
    }

    /** What is trained on, what is held out, and the first sample with its mask: lines for the start of a run. */
    List<String> introduction() {
        return List.of(
                "training on " + train.summary(),
                "held out: " + (heldOut.size() == 0 ? "nothing" : heldOut.summary()),
                SampleView.of(train.samples().getFirst(), tokenizer));
    }

    /** The order in which a stage sees the training samples. */
    BatchPlan plan(TrainingOptions options) {
        return new BatcherPlan(new Batcher(train.samples(), options.batchSize(), options.seed(), options.grouping()), options.accumulation());
    }

    /** The held-out samples in their order. */
    List<MicroBatch> heldOutBatches(int batchSize) {
        List<MicroBatch> batches = new ArrayList<>();
        for (int from = 0; from < heldOut.size(); from += batchSize) {
            int[] indices = IntStream.range(from, Math.min(heldOut.size(), from + batchSize)).toArray();
            batches.add(MicroBatch.heldOut(Batch.of(heldOut.samples(), indices)));
        }
        return batches;
    }

    /**
     * The first {@code most} held-out prompts that leave room to answer.
     *
     * @param positions the longest text that the models can hold
     */
    List<int[]> prompts(int most, int positions) {
        List<int[]> prompts = new ArrayList<>();
        for (Sample sample : heldOut.samples()) {
            if (prompts.size() == most) {
                break;
            }
            Prompt prompt = sample.evaluationPrompt(tokenizer);
            if (prompt.ids().length < positions) {
                prompts.add(prompt.ids());
            }
        }
        if (prompts.isEmpty()) {
            throw new InputException("there are no held-out prompts to evaluate with: "
                    + (heldOut.size() == 0 ? "all training texts are the same; give --eval-file" : "none is shorter than " + positions + " tokens"));
        }
        return prompts;
    }
}
