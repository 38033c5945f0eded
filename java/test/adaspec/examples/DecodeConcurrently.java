package adaspec.examples;

import adaspec.common.InputException;
import adaspec.decode.Sampling;
import adaspec.engine.Engine;
import adaspec.engine.EngineSession;
import adaspec.engine.Generation;
import adaspec.engine.GenerationSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A Java program that serves several readers with one engine: prompts in parallel, a conversation, a text that its reader breaks off.
 *
 * <p>Arguments: the target's and the draft's model directory, then prompts.
 */
public final class DecodeConcurrently {
    private DecodeConcurrently() {}

    public static void main(String[] arguments) throws Exception {
        Path target = Path.of(arguments[0]);
        Path draft = Path.of(arguments[1]);
        List<String> prompts = List.of(arguments).subList(2, arguments.length);
        try (Engine engine = Engine.builder().target(target).draft(draft).numSpeculativeTokens(4).open()) {
            generateAll(engine, prompts);
            converse(engine, prompts);
            breakOff(engine, prompts.getFirst());
        } catch (InputException wrong) {
            System.out.println(wrong.getMessage());
        }
    }

    /** Any number of threads use one engine, which has the weights once. */
    private static void generateAll(Engine engine, List<String> prompts) throws Exception {
        GenerationSettings settings = GenerationSettings.of(Sampling.greedy(64)).withStop("\n\n", "Question:");
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<Generation>> answers = new ArrayList<>();
            for (String prompt : prompts) {
                answers.add(threads.submit(() -> engine.generate(prompt, settings, token -> {})));
            }
            for (Future<Generation> answer : answers) {
                System.out.println(answer.get().text());
            }
        }
    }

    /** A session keeps what it has read: each turn reads only what is new. */
    private static void converse(Engine engine, List<String> turns) {
        try (EngineSession session = engine.openSession()) {
            for (String turn : turns) {
                Generation answer = session.extend(turn, GenerationSettings.of(Sampling.greedy(16)), token -> System.out.print(token.text()));
                System.out.println(" (" + answer.finishReason() + ")");
            }
        }
    }

    /** Any thread may set the flag; so may the listener. */
    private static void breakOff(Engine engine, String prompt) {
        AtomicBoolean enough = new AtomicBoolean();
        GenerationSettings settings = GenerationSettings.of(Sampling.greedy(64)).cancelledWhen(enough::get);
        StringBuilder text = new StringBuilder();
        Generation generation = engine.generate(prompt, settings, token -> {
            text.append(token.text());
            enough.set(text.length() >= 10);
        });
        System.out.println(generation.finishReason() + " after " + generation.ids().length + " tokens");
    }
}
