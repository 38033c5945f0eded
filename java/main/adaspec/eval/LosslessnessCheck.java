package adaspec.eval;

import adaspec.common.InputException;
import adaspec.decode.AcceptanceStats;
import adaspec.decode.Decoder;
import adaspec.decode.DraftSampleMethod;
import adaspec.decode.PlainDecoder;
import adaspec.decode.Sampling;
import adaspec.decode.Session;
import adaspec.decode.Speculation;
import adaspec.decode.SpeculativeDecoder;
import adaspec.model.Transformer;
import adaspec.ops.Verification;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Whether speculation leaves a target's output alone, with these models on this machine.
 *
 * <p>Greedy: speculative ids against plain ones. Self acceptance: a target that drafts for itself has every token accepted; a cache that lost count
 * would not show in the output, but here. Sampling: the first two tokens after a prompt, drawn many times, against their exact law, which plain loops in
 * double make from the target's own logits; a step begins at the prompt, and its accepted, residual and bonus tokens all occur in these two.
 */
public final class LosslessnessCheck {
    /** Makes the decoder that is checked. */
    public interface Decoders {
        Decoder speculative(Session target, Session draft, Speculation speculation, int[] endTokens);
    }

    /** The decoder of {@code generate}. */
    public static final Decoders OWN = (target, draft, speculation, endTokens) ->
            SpeculativeDecoder.of(target, draft, speculation, speculation.draftLength(), endTokens);

    private static final int NEW_TOKENS = 64;
    private static final int DRAWN_TOKENS = 2;
    /** Tokens that most often come first: what comes second is looked at behind each of these. */
    private static final int FIRST_TOKENS = 16;

    private static final int LONGEST = 16;
    /** Prompts among which the one to sample after is chosen. */
    private static final int MOST_LOOKED_AT = 16;

    private final Transformer target;
    private final Transformer draft;
    private final int vocabulary;
    private final int[] endTokens;
    private final Workspace workspace;
    private final Supplier<Workspace.Allocator> memory;
    private final Decoders decoders;

    /**
     * @param vocabulary ids that the models share
     * @param memory     makes allocators for caches
     */
    public LosslessnessCheck(
            Transformer target,
            Transformer draft,
            int vocabulary,
            int[] endTokens,
            Workspace workspace,
            Supplier<Workspace.Allocator> memory,
            Decoders decoders) {
        this.target = target;
        this.draft = draft;
        this.vocabulary = vocabulary;
        this.endTokens = endTokens.clone();
        this.workspace = workspace;
        this.memory = memory;
        this.decoders = decoders;
    }

    /**
     * @param prompts  at least one; of the first ones that which leaves most open is sampled after
     * @param draws    texts sampled, all tests together
     * @param progress told what is done, a line each
     */
    public Losslessness run(List<int[]> prompts, int draws, Consumer<String> progress) {
        if (prompts.isEmpty()) {
            throw new InputException("there are no prompts to check with; give at least one");
        }
        int longest = prompts.stream().mapToInt(p -> p.length).max().getAsInt();
        try (Session targetSession = session("the target", target, longest);
                Session draftSession = session("the draft", draft, longest);
                Session selfSession = session("the target as its own draft", target, longest)) {
            int mismatched = mismatched(targetSession, draftSession, prompts, progress);
            progress.accept("greedy: " + mismatched + " of " + prompts.size() + " prompts differ");
            double self = selfAcceptance(targetSession, selfSession, prompts);
            progress.accept("a target that drafts for itself: acceptance " + self);
            List<ChiSquare> tests = new ArrayList<>();
            List<Test> all = tests();
            for (int i = 0; i < all.size(); i++) {
                int share = draws / all.size() + (i < draws % all.size() ? 1 : 0);
                ChiSquare test = sampled(targetSession, draftSession, prompts, all.get(i), share);
                progress.accept(all.get(i) + ": " + test.draws() + " draws in " + test.cells() + " cells, p-value " + test.pValue());
                tests.add(test);
            }
            double least = tests.stream().mapToDouble(ChiSquare::pValue).min().getAsDouble();
            double level = Losslessness.LEAST_P_VALUE / tests.size();
            double distance = tests.stream().mapToDouble(t -> t.detectableDistance(level, Losslessness.POWER)).max().getAsDouble();
            return new Losslessness(prompts.size(), mismatched, self, draws, Math.min(1, least * tests.size()), distance);
        }
    }

    private Session session(String name, Transformer model, int longest) {
        int capacity = Math.min(longest + NEW_TOKENS + LONGEST, model.architecture().maxPositions());
        var session = new Session(name, model, vocabulary, capacity, workspace, memory.get());
        session.rememberText();
        return session;
    }

    // ------------------------------------------------------------------------------------------------ greedy

    private int mismatched(Session targetSession, Session draftSession, List<int[]> prompts, Consumer<String> progress) {
        List<Decoder> checked = new ArrayList<>();
        for (int length : new int[] {1, 2, 5, 8}) {
            checked.add(decoder(targetSession, draftSession, new Speculation(length, DraftSampleMethod.PROBABILISTIC, Verification.TOKEN)));
        }
        checked.add(decoder(targetSession, draftSession, new Speculation(5, DraftSampleMethod.PROBABILISTIC, Verification.BLOCK)));
        checked.add(decoder(targetSession, draftSession, Speculation.auto(DraftSampleMethod.PROBABILISTIC, Verification.TOKEN)));
        var plain = new PlainDecoder(targetSession, endTokens);
        int mismatched = 0;
        for (int i = 0; i < prompts.size(); i++) {
            int[] expected = ids(plain, prompts.get(i), Sampling.greedy(NEW_TOKENS), 0);
            boolean same = true;
            for (Decoder decoder : checked) {
                same &= Arrays.equals(expected, ids(decoder, prompts.get(i), Sampling.greedy(NEW_TOKENS), 0));
            }
            mismatched += same ? 0 : 1;
            if ((i + 1) % 20 == 0) {
                progress.accept((i + 1) + " prompts done");
            }
        }
        return mismatched;
    }

    private Decoder decoder(Session targetSession, Session draftSession, Speculation speculation) {
        return decoders.speculative(targetSession, draftSession, speculation, endTokens);
    }

    private static int[] ids(Decoder decoder, int[] prompt, Sampling sampling, int sequence) {
        return decoder.decode(prompt, sampling, sequence, token -> {}).ids();
    }

    private double selfAcceptance(Session targetSession, Session selfSession, List<int[]> prompts) {
        long accepted = 0;
        long judged = 0;
        for (Verification verification : Verification.values()) {
            Decoder decoder = decoder(targetSession, selfSession, new Speculation(5, DraftSampleMethod.PROBABILISTIC, verification));
            for (Sampling sampling : List.of(Sampling.greedy(NEW_TOKENS), new Sampling(NEW_TOKENS, 1, 0))) {
                for (int i = 0; i < Math.min(4, prompts.size()); i++) {
                    AcceptanceStats stats = decoder.decode(prompts.get(i), sampling, i, token -> {}).stats();
                    accepted += stats.acceptedTokens();
                    judged += stats.acceptedTokens() + stats.rejections();
                }
            }
        }
        if (judged == 0) {
            throw new InputException("no prompt leaves room to draft after it; give shorter prompts");
        }
        return (double) accepted / judged;
    }

    // ------------------------------------------------------------------------------------------------ sampling

    private record Test(double temperature, double topP, Verification verification) {
        Sampling sampling() {
            // Numbers of its own for each rule: most drafts are judged alike by both, and one test would be done twice.
            return new Sampling(DRAWN_TOKENS, temperature, 0, topP, verification.ordinal());
        }

        @Override
        public String toString() {
            return "temperature " + temperature + (topP < 1 ? ", top-p " + topP : "") + ", "
                    + verification.name().toLowerCase(java.util.Locale.ROOT) + " verification";
        }
    }

    private static List<Test> tests() {
        return List.of(new Test(1, 1, Verification.TOKEN), new Test(1, 1, Verification.BLOCK), new Test(0.8, 0.9, Verification.TOKEN),
                new Test(0.8, 0.9, Verification.BLOCK));
    }

    private ChiSquare sampled(Session targetSession, Session draftSession, List<int[]> prompts, Test test, int draws) {
        int room = Math.min(targetSession.capacity(), draftSession.capacity()) - DRAWN_TOKENS - 1;
        // Where the target is least sure most outcomes are met.
        int[] prompt = prompts.stream().filter(p -> p.length <= room).limit(MOST_LOOKED_AT)
                .max(Comparator.comparingDouble(p -> entropy(law(targetSession, p, test))))
                .orElseThrow(() -> new InputException("no prompt leaves room for two tokens after it; give shorter prompts"));
        var speculation = new Speculation(2, DraftSampleMethod.PROBABILISTIC, test.verification());
        Decoder decoder = decoders.speculative(targetSession, draftSession, speculation, new int[0]);
        double[] first = law(targetSession, prompt, test);
        int[] likely = likeliest(first);
        // Cells: a first token and any second one, or where the first is likely each second one by itself.
        double[] law = new double[vocabulary * (1 + likely.length)];
        for (int x = 0; x < vocabulary; x++) {
            law[x] = first[x];
        }
        for (int k = 0; k < likely.length; k++) {
            int[] longer = Arrays.copyOf(prompt, prompt.length + 1);
            longer[prompt.length] = likely[k];
            double[] second = law(targetSession, longer, test);
            law[likely[k]] = 0;
            for (int y = 0; y < vocabulary; y++) {
                law[vocabulary * (1 + k) + y] = first[likely[k]] * second[y];
            }
        }
        long[] counts = new long[law.length];
        for (int sequence = 0; sequence < draws; sequence++) {
            int[] ids = ids(decoder, prompt, test.sampling(), sequence);
            int k = indexOf(likely, ids[0]);
            counts[k < 0 ? ids[0] : vocabulary * (1 + k) + ids[1]]++;
        }
        return ChiSquare.of(law, counts);
    }

    private static double entropy(double[] law) {
        return Arrays.stream(law).filter(p -> p > 0).map(p -> -p * Math.log(p)).sum();
    }

    private static int[] likeliest(double[] law) {
        return java.util.stream.IntStream.range(0, law.length).filter(x -> law[x] > 0).boxed()
                .sorted((a, b) -> Double.compare(law[b], law[a])).limit(FIRST_TOKENS).mapToInt(x -> x).toArray();
    }

    private static int indexOf(int[] values, int value) {
        for (int i = 0; i < values.length; i++) {
            if (values[i] == value) {
                return i;
            }
        }
        return -1;
    }

    /** The target's law after {@code ids}: softmax at the temperature, of the likeliest that reach top-p (those that tie with the last are kept). */
    private double[] law(Session targetSession, int[] ids, Test test) {
        float[] logits;
        targetSession.rewind(0);
        try (var step = workspace.begin()) {
            Tensor row = step.f32(1, vocabulary);
            targetSession.advance(ids, row);
            logits = row.toFloats();
        }
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double[] p = new double[vocabulary];
        for (int v = 0; v < vocabulary; v++) {
            p[v] = Math.exp((logits[v] - max) / test.temperature());
        }
        if (test.topP() < 1) {
            double[] sorted = p.clone();
            Arrays.sort(sorted);
            double reach = test.topP() * Arrays.stream(p).sum();
            int last = vocabulary - 1;
            for (double sum = sorted[last]; sum < reach; sum += sorted[last]) {
                last--;
            }
            double least = sorted[last];
            for (int v = 0; v < vocabulary; v++) {
                p[v] = p[v] >= least ? p[v] : 0;
            }
        }
        double sum = Arrays.stream(p).sum();
        for (int v = 0; v < vocabulary; v++) {
            p[v] /= sum;
        }
        return p;
    }
}
