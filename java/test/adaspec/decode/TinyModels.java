package adaspec.decode;

import adaspec.TestBackends;
import adaspec.model.Architecture;
import adaspec.model.RotaryScaling;
import adaspec.model.Transformer;
import adaspec.model.Weights;
import adaspec.ops.Ops;
import adaspec.tensor.Tensor;
import adaspec.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Tiny random models with peaked laws, their memory and their sessions: closed together. */
public final class TinyModels implements AutoCloseable {
    private final Ops ops;
    private final Workspace.Allocator memory = TestBackends.allocator();
    private final Workspace workspace = new Workspace(TestBackends.allocator(), true);
    private final List<Session> sessions = new ArrayList<>();

    public TinyModels(Ops ops) {
        this.ops = ops;
    }

    /** GPT-NeoX with {@code layers} blocks of 2 heads of {@code headDim} channels. */
    public static Architecture architecture(int vocabulary, int layers, int headDim, int positions) {
        int hidden = 2 * headDim;
        return new Architecture(
                "gpt_neox", vocabulary, hidden, layers, 2, 2, headDim, 2 * hidden, Architecture.Norm.LAYER, 1e-5f, 4, 10000, RotaryScaling.NONE,
                Architecture.Activation.GELU, true, true, true, true, true, false, positions, 0.5);
    }

    /** A new model of {@code seed}. */
    public Transformer random(Architecture architecture, long seed) {
        Weights weights = Weights.zeros(architecture, memory);
        weights.initialize(seed);
        return new Transformer(ops, weights, memory);
    }

    /** A copy of {@code model} with noise on every matrix: a draft that agrees with it often and not always. */
    public Transformer noisy(Transformer model, double deviation, long seed) {
        Weights weights = model.weights().trainableCopy(memory);
        Random random = new Random(seed);
        Tensor matrices = weights.arenaMatrices();
        for (long i = 0; i < matrices.size(); i++) {
            matrices.set(i, matrices.get(i) + (float) (deviation * random.nextGaussian()));
        }
        return new Transformer(ops, weights, memory);
    }

    public Session session(String name, Transformer model) {
        return session(name, model, model.architecture().vocabSize(), Session.CHUNK);
    }

    public Session session(String name, Transformer model, int vocabulary, int chunk) {
        Session session = new Session(
                name, model, vocabulary, model.architecture().maxPositions(), workspace, TestBackends.allocator(), chunk);
        sessions.add(session);
        return session;
    }

    public Workspace workspace() {
        return workspace;
    }

    public Ops ops() {
        return ops;
    }

    public static int[] prompt(int length, int vocabulary, long seed) {
        return new Random(seed).ints(length, 0, vocabulary).toArray();
    }

    @Override
    public void close() {
        sessions.forEach(Session::close);
        workspace.close();
        memory.close();
    }
}
