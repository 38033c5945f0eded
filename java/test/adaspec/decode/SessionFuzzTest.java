package adaspec.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.TestBackends;
import adaspec.device.Device;
import adaspec.model.Architecture;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.DType;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A row's logits depend on the ids up to it alone, bit for bit: random walks of advances and rewinds, in random prefill chunks and draft lengths and
 * on 1, 2 and 3 threads, give the rows that a fresh timeline reads one by one on one thread.
 */
class SessionFuzzTest {
    private static final int VOCABULARY = 1003;
    private static final int POSITIONS = 160;

    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"F32", "BF16", "F16"})
    void walksGiveTheRowsOfAFreshTimeline(DType type) {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
        // Wide enough that products and the head are shared among threads.
        Architecture architecture = TinyModels.architecture(VOCABULARY, 2, 36, POSITIONS);
        int[] ids = TinyModels.prompt(POSITIONS, VOCABULARY, 5);
        float[][] truth;
        try (Walker fresh = new Walker(architecture, type, 1, 1)) {
            truth = new float[POSITIONS][];
            for (int i = 0; i < POSITIONS; i++) {
                truth[i] = fresh.read(ids, i + 1, 1)[0];
            }
        }
        Random random = new Random(type.ordinal());
        Map<Integer, Integer> drafts = new TreeMap<>();
        for (int threads = 1; threads <= 3; threads++) {
            for (int chunk : new int[] {1 + random.nextInt(8), 16 + random.nextInt(60), POSITIONS}) {
                try (Walker walker = new Walker(architecture, type, threads, chunk)) {
                    for (int operation = 0; operation < 60; operation++) {
                        walker.session.rewind(random.nextInt(4) == 0 ? 0 : Math.max(0, walker.session.length() - random.nextInt(12)));
                        int room = POSITIONS - walker.session.length();
                        // Mostly the 2 to 9 rows of a verification, now and then a prompt.
                        int count = Math.min(room, random.nextInt(4) == 0 ? 1 + random.nextInt(POSITIONS) : 1 + random.nextInt(9));
                        if (count == 0) {
                            continue;
                        }
                        int rows = random.nextInt(count) + 1;
                        int to = walker.session.length() + count;
                        float[][] laws = walker.read(ids, to, rows);
                        for (int r = 0; r < rows; r++) {
                            int of = to - rows + r;
                            assertArrayEquals(
                                    truth[of], laws[r],
                                    type + ", " + threads + " threads, chunks of " + chunk + ", operation " + operation + ": the row after id " + of);
                        }
                        drafts.merge(rows, 1, Integer::sum);
                    }
                }
            }
        }
        assertTrue(drafts.size() > 20, "row counts that occurred: " + drafts.keySet());
        try (Walker forgetful = new Walker(architecture, type, 1, 64)) {
            forgetful.read(ids, 20, 1);
            // Rewound one id short, as a cache that lost count would be.
            forgetful.session.rewind(9);
            int[] moved = ids.clone();
            System.arraycopy(ids, 10, moved, 9, POSITIONS - 10);
            assertTrue(!Arrays.equals(truth[10], forgetful.read(moved, 10, 1)[0]), "a cache that lost count shows");
        }
    }

    /** Any draft length and either proposer's cache: greedy ids are the plain ones, for every type of weights and number of threads. */
    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"F32", "BF16", "F16"})
    void greedyIdsAreThoseOfPlainDecoding(DType type) {
        Assumptions.assumeTrue(TestBackends.all().size() > 1, "this build has no native library");
        Architecture architecture = TinyModels.architecture(61, 2, 8, 96);
        int[] prompt = TinyModels.prompt(7, 61, 2);
        int[] plain = null;
        for (int threads = 1; threads <= 3; threads++) {
            try (Walker target = new Walker(architecture, type, threads, 64);
                    Walker draft = new Walker(architecture, type == DType.F32 ? DType.BF16 : DType.F32, threads, 5)) {
                int[] ids = new PlainDecoder(target.session, new int[0]).decode(prompt, Sampling.greedy(80), 0, token -> {}).ids();
                plain = plain == null ? ids : plain;
                assertArrayEquals(plain, ids, threads + " threads");
                for (int n = 1; n <= 12; n++) {
                    var decoder = new SpeculativeDecoder(
                            target.session, new ModelProposer(draft.session, DraftSampleMethod.PROBABILISTIC), n, new int[0]);
                    assertArrayEquals(plain, decoder.decode(prompt, Sampling.greedy(80), 0, token -> {}).ids(), n + " drafted");
                }
            }
        }
    }

    /** A model of stored type {@code type}, its session and its device; the same weights each time. */
    private static final class Walker implements AutoCloseable {
        private final List<AutoCloseable> open = new ArrayList<>();
        final Session session;
        private final Workspace workspace;

        Walker(Architecture architecture, DType type, int threads, int chunk) {
            Device device = Device.open("cpu", threads);
            Ops ops = Ops.on(device);
            var memory = TestBackends.allocator();
            Weights weights = Weights.zeros(architecture, memory);
            weights.initialize(3);
            Weights stored = type == DType.F32 ? weights : weights.computedIn(type, ops, memory).computed();
            workspace = new Workspace(TestBackends.allocator(), true);
            session = new Session(
                    "s", new Transformer(ops, stored, memory), architecture.vocabSize(), architecture.maxPositions(), workspace,
                    TestBackends.allocator(), chunk);
            open.addAll(List.of(session, workspace, memory, device));
        }

        /** Reads ids up to {@code to} and gives the laws after the last {@code rows} of them. */
        float[][] read(int[] ids, int to, int rows) {
            try (var step = workspace.begin()) {
                Tensor laws = step.f32(rows, session.vocabulary());
                session.advance(Arrays.copyOfRange(ids, session.length(), to), laws);
                float[][] copies = new float[rows][];
                for (int r = 0; r < rows; r++) {
                    copies[r] = laws.rows(r, r + 1).toFloats();
                }
                return copies;
            }
        }

        @Override
        public void close() {
            for (AutoCloseable resource : open) {
                try {
                    resource.close();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }
}
