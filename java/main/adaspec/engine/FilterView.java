package adaspec.engine;

import adaspec.model.Transformer;
import adaspec.report.GapSample;
import adaspec.report.Report;
import adaspec.report.TokenText;
import adaspec.tensor.Workspace;
import adaspec.text.Tokenizer;
import adaspec.train.Distillation;
import adaspec.train.FrozenModels;
import adaspec.train.LogitsBudget;
import adaspec.train.Loss;
import adaspec.train.MicroBatch;
import adaspec.train.Selection;
import adaspec.train.TokenGaps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What the selection sees and keeps in one micro-batch, as a report shows it: at a draft's first step, or with the draft it became. */
final class FilterView {
    /** Samples of the batch whose text is shown. */
    private static final int TEXTS = 3;

    private final FrozenModels models;
    private final MicroBatch batch;
    private final Loss loss;
    private final Selection selection;
    private final Tokenizer tokenizer;
    private final LogitsBudget budget;
    private final Workspace workspace;

    /** @param models with a reference */
    FilterView(
            FrozenModels models, MicroBatch batch, Loss loss, Selection selection, Tokenizer tokenizer, LogitsBudget budget, Workspace workspace) {
        this.models = models;
        this.batch = batch;
        this.loss = loss;
        this.selection = selection;
        this.tokenizer = tokenizer;
        this.budget = budget;
        this.workspace = workspace;
    }

    /** Costs two forwards of the three models. @param moment in words */
    Report.Filter of(String moment, Transformer draft) {
        TokenGaps gaps = TokenGaps.of(models, draft, batch, budget, workspace);
        boolean[] kept = new boolean[gaps.gap().length];
        for (int i : new Distillation(models, draft, loss, selection, budget, workspace).kept(1, batch)) {
            kept[i] = true;
        }
        return new Report.Filter(moment, new GapSample(gaps.gap(), kept), texts(gaps, kept));
    }

    private List<TokenText> texts(TokenGaps gaps, boolean[] kept) {
        int[] starts = batch.sequences().starts();
        int[] boundaries = batch.answerBoundaries();
        List<TokenText> texts = new ArrayList<>();
        for (int s = 0; s < batch.answerStarts().length && texts.size() < TEXTS; s++) {
            int from = boundaries[s];
            int to = boundaries[s + 1];
            if (from < to) {
                var scores = new TokenText.Scores(
                        Arrays.copyOfRange(gaps.gap(), from, to),
                        Arrays.copyOfRange(gaps.klDraft(), from, to),
                        Arrays.copyOfRange(gaps.klReference(), from, to),
                        Arrays.copyOfRange(kept, from, to));
                int[] ids = Arrays.copyOfRange(batch.sequences().ids(), starts[s], starts[s + 1]);
                texts.add(TokenText.of("Sample " + (s + 1) + " of the batch", tokenizer, ids, batch.answerStarts()[s], scores));
            }
        }
        return texts;
    }
}
