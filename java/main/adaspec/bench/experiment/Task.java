package adaspec.bench.experiment;

import adaspec.text.DatasetFormat;
import java.util.List;

/**
 * A task of the experiment: a folder of DATA with {@code train.jsonl} and {@code test.jsonl}.
 *
 * @param name of the folder
 */
record Task(String name, DatasetFormat format) {
    static final List<Task> ALL = List.of(
            new Task("gsm8k", DatasetFormat.GSM8K),
            new Task("mbpp", DatasetFormat.MBPP),
            new Task("summarization", DatasetFormat.PROMPT_COMPLETION),
            new Task("alpaca", DatasetFormat.ALPACA),
            new Task("instruct", DatasetFormat.PROMPT_COMPLETION));
}
