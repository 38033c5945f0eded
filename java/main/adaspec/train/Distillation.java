package adaspec.train;

import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import adaspec.train.PhaseClock.Phase;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * Distillation of a draft from a target: the sum over the kept answer tokens of a {@link Loss}, as published KL(p || q), p the target's law and q
 * the draft's, both over the first {@code vocabulary} ids. Which tokens are kept is the {@link Selection}'s business: all (DistillSpec), or those with the
 * largest gap to a reference (AdaSPEC), or as another rule has it.
 *
 * <p>The bodies run once for a micro-batch; {@link HeadPasses} walk the heads.
 */
public final class Distillation implements Objective {
    private final Teachers teachers;
    private final Transformer draft;
    private final Loss loss;
    private final Selection selection;
    private final Workspace workspace;
    private final HeadPasses heads;
    private final Ops ops;

    /**
     * @param teachers with a reference if the selection's rule compares with one and does not keep all; their vocabulary is at most the rows of the
     *                 draft's head
     */
    public Distillation(Teachers teachers, Transformer draft, Loss loss, Selection selection, LogitsBudget budget, Workspace workspace) {
        if (!teachers.hasReference() && selection.asksReference() && !selection.keepsAll()) {
            throw new IllegalArgumentException("a selection by the gap needs a reference");
        }
        FrozenModels.requireVocabulary(draft, teachers.vocabulary());
        this.teachers = teachers;
        this.draft = draft;
        this.loss = loss;
        this.selection = selection;
        this.workspace = workspace;
        this.heads = new HeadPasses(teachers, draft, budget, workspace);
        this.ops = draft.ops();
    }

    /** With the loss as published, KL(p || q). */
    public Distillation(Teachers teachers, Transformer draft, Selection selection, LogitsBudget budget, Workspace workspace) {
        this(teachers, draft, Loss.KL_DIV, selection, budget, workspace);
    }

    private boolean asksReference() {
        return teachers.hasReference() && selection.asksReference();
    }

    // ------------------------------------------------------------------------------------------------ the step

    @Override
    public void accumulate(long number, List<MicroBatch> step, float scale, Weights gradient, Tally tally) {
        if (selection.scope() == Selection.Scope.BATCH && !selection.keepsAll() && step.size() > 1) {
            accumulateSelectedTogether(number, step, scale, gradient, tally);
            return;
        }
        int before = 0;
        for (MicroBatch batch : step) {
            int first = before;
            accumulate(batch, asksReference(), scale, gradient, tally, selection.keepsAll() ? null : scores -> {
                try (var memory = workspace.begin()) {
                    Tensor ranks = memory.f32(batch.answerTokens());
                    selection.rank(ranks, scores, number, first);
                    return keep(ranks, batch.answerBoundaries(), tally);
                }
            });
            before += batch.answerTokens();
        }
    }

    /** The tokens that are kept. None are only where a rank is not a number: the loss must say so. */
    private int[] keep(Tensor ranks, int[] boundaries, Tally tally) {
        int[] kept = selection.keep(ops, ranks, boundaries, workspace);
        if (kept.length == 0) {
            tally.keptLoss = Double.NaN;
        }
        return kept;
    }

    /** Selection over all micro-batches needs all ranks first, so each goes through the models twice, unless tokens are chosen blindly. */
    private void accumulateSelectedTogether(long number, List<MicroBatch> step, float scale, Weights gradient, Tally tally) {
        int total = step.stream().mapToInt(MicroBatch::answerTokens).sum();
        if (total == 0) {
            step.forEach(batch -> tally.tokens += batch.tokens());
            return;
        }
        int[] kept;
        try (var memory = workspace.begin()) {
            Tensor ranks = memory.f32(total);
            if (selection.isBlind()) {
                selection.rank(ranks, null, number, 0);
            } else {
                measureRanks(step, ranks, number, tally);
            }
            kept = keep(ranks, null, tally);
            tally.clock().lap(Phase.SELECTION);
        }
        Tally second = selection.isBlind() ? tally : new Tally(tally.clock());
        int first = 0;
        int at = 0;
        for (MicroBatch batch : step) {
            int base = first;
            int end = base + batch.answerTokens();
            int from = at;
            while (at < kept.length && kept[at] < end) {
                at++;
            }
            int[] own = Arrays.stream(kept, from, at).map(i -> i - base).toArray();
            accumulate(batch, false, scale, gradient, second, scores -> own);
            first = end;
        }
        if (second != tally) {
            tally.tokens += second.tokens;
            tally.keptTokens += second.keptTokens;
            tally.keptLoss += second.keptLoss;
        }
    }

    /** The answer rows that the selection keeps of a batch which is all of step {@code number}, ascending. */
    public int[] kept(long number, MicroBatch batch) {
        try (var memory = workspace.begin()) {
            Tensor ranks = memory.f32(batch.answerTokens());
            measureRanks(List.of(batch), ranks, number, new Tally());
            return selection.keep(ops, ranks, batch.answerBoundaries(), workspace);
        }
    }

    /** The ranks (n) of the answer tokens of a whole step; the sums over them go to {@code tally}. */
    private void measureRanks(List<MicroBatch> step, Tensor ranks, long number, Tally tally) {
        int at = 0;
        for (MicroBatch batch : step) {
            int n = batch.answerTokens();
            if (n > 0) {
                try (var memory = workspace.begin()) {
                    TokenScores scores = TokenScores.in(memory, batch, loss, selection.asksEntropy(), asksReference());
                    measure(batch, scores, tally);
                    selection.rank(ranks.rows(at, at + n), scores, number, at);
                    tally.clock().lap(Phase.SELECTION);
                }
            }
            at += n;
        }
    }

    /**
     * @param compare whether the reference is asked
     * @param choice  the answer rows to keep, ascending, given their scores; null: all
     */
    private void accumulate(
            MicroBatch batch, boolean compare, float scale, Weights gradient, Tally tally, Function<TokenScores, int[]> choice) {
        tally.tokens += batch.tokens();
        int n = batch.answerTokens();
        if (n == 0) {
            return;
        }
        try (var step = workspace.begin()) {
            int[] rows = batch.answerRows();
            Tensor targetHidden = teachers.targetHidden(batch, step);
            tally.clock().lap(Phase.TARGET_BODY);
            Teachers.Reference reference = compare ? teachers.reference(batch, step) : null;
            tally.clock().lap(Phase.REFERENCE_BODY);
            Transformer.Activations activations = draft.forwardForTraining(batch.sequences(), step);
            int channels = draft.architecture().hiddenSize();
            Tensor draftHidden = step.f32(n, channels);
            ops.gatherRows(draftHidden, activations.hidden(), step.i32(rows));
            var hidden = new HeadPasses.Hidden(targetHidden, draftHidden, reference);
            TokenScores scores = TokenScores.in(step, batch, loss, choice != null && selection.asksEntropy(), compare);
            var sink = new HeadPasses.Sink(scale, gradient, step.f32(batch.tokens(), channels).zero(), rows);
            tally.clock().lap(Phase.DRAFT_BODY);

            if (choice == null) {
                heads.learnFromAll(hidden, scores, sink, tally.clock());
                tally.keptTokens += n;
                tally.keptLoss += Tally.sum(scores.values());
            } else {
                int[] kept = heads.learnFromKept(hidden, scores, sink, () -> choice.apply(scores), tally.clock());
                tally.keptTokens += kept.length;
                for (int i : kept) {
                    tally.keptLoss += scores.values().get(i);
                }
            }
            scores.addTo(tally);
            draft.backward(activations, sink.dHidden(), gradient, workspace);
            tally.clock().lap(Phase.BODY_BACKWARD);
        }
    }

    /** KL and acceptance, whatever the loss in training is. */
    @Override
    public void evaluate(MicroBatch batch, Tally tally) {
        tally.tokens += batch.tokens();
        if (batch.answerTokens() > 0) {
            try (var step = workspace.begin()) {
                measure(batch, TokenScores.in(step, batch, Loss.KL_DIV, false, false), tally);
            }
        }
    }

    /** Fills {@code scores} in, without a gradient, and adds them to {@code tally}. */
    private void measure(MicroBatch batch, TokenScores scores, Tally tally) {
        try (var step = workspace.begin()) {
            Tensor targetHidden = teachers.targetHidden(batch, step);
            tally.clock().lap(Phase.TARGET_BODY);
            Teachers.Reference reference = scores.klReference() == null ? null : teachers.reference(batch, step);
            tally.clock().lap(Phase.REFERENCE_BODY);
            var hidden = new HeadPasses.Hidden(targetHidden, FrozenModels.answerHidden(draft, batch, workspace, step), reference);
            tally.clock().lap(Phase.DRAFT_BODY);
            heads.score(hidden, scores, tally.clock());
        }
        scores.addTo(tally);
    }
}
