package adaspec.report;

import adaspec.common.AtomicFile;
import adaspec.eval.Acceptance;
import java.nio.file.Path;
import java.util.List;

/**
 * What report.html tells about a run, as data; the curves of training are read from the run's metrics.jsonl.
 *
 * @param title    of the page
 * @param settings what was run, in the order to show
 * @param stages   that trained, in their order
 * @param drafts   measured with the same prompts; the first is the untrained one, the last the result
 * @param filters  what the selection saw and kept, moment by moment; empty where nothing was selected
 */
public record Report(String title, List<Entry> settings, List<Stage> stages, List<Draft> drafts, List<Filter> filters) {
    public record Entry(String name, String value) {}

    public record Stage(String name, long steps, long tokens, double seconds, double tokensPerSecond) {}

    public record Draft(String name, Acceptance acceptance) {}

    /**
     * The selection at one moment of training.
     *
     * @param moment in words, such as "at the start of the selective stage"
     * @param texts  some of the samples that {@code sample} was taken from
     */
    public record Filter(String moment, GapSample sample, List<TokenText> texts) {
        public Filter {
            texts = List.copyOf(texts);
        }
    }

    public Report {
        settings = List.copyOf(settings);
        stages = List.copyOf(stages);
        drafts = List.copyOf(drafts);
        filters = List.copyOf(filters);
    }

    /** Writes the page, whole or not at all. @param metrics metrics.jsonl of the run */
    public void write(Path file, Path metrics) {
        AtomicFile.writeString(file, new ReportPage(this, MetricsFile.read(metrics)).render());
    }
}
