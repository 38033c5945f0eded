/**
 * The public API. {@link adaspec.engine.Engine} continues texts with a target and a draft, many at once; {@link adaspec.engine.EngineSession}
 * is a text that goes on. {@link adaspec.engine.Distiller} makes the draft better: its stages, their evaluation and the folder of results;
 * {@link adaspec.engine.FineTuner} trains one model by cross entropy. A {@link adaspec.engine.Backend} is where they run.
 *
 * <pre>{@code
 * Distiller distiller = Distiller.builder()
 *         .target(target)
 *         .draft(draft)
 *         .trainFile(trainFile)
 *         .output(output)
 *         .listener(progress)
 *         .stop(() -> System.nanoTime() > deadline)
 *         .build();
 * Distiller.Result result = distiller.run();
 *
 * try (Engine engine = Engine.open(target, result.output())) {
 *     Generation generation = engine.generate(prompt, Sampling.greedy(64), token -> System.out.print(token.text()));
 * }
 * }</pre>
 *
 * <p>Nothing here prints, ends the process or keeps static state. What holds memory of a device is {@link java.lang.AutoCloseable}; closing twice is
 * calm. An {@link adaspec.engine.Engine} may be used by any number of threads, an {@link adaspec.engine.EngineSession} and a
 * {@link adaspec.engine.Distiller} by one at a time, as a {@link adaspec.engine.Backend} that training runs on. Listeners are called on the thread
 * that runs, between its steps: what they throw ends the run and comes out of it as it is, after which the last checkpoint that was written is still
 * whole.
 *
 * <p>Exceptions are unchecked, and each has one sentence for a person: {@link adaspec.common.InputException} where something given cannot be used (a
 * file, a value, a device), its kind {@link adaspec.common.UsageException} where settings are out of range or contradict each other,
 * {@link adaspec.train.TrainingStopped} where a run was asked to stop, {@link adaspec.device.DeviceException} where a device failed. A method called
 * after close is an {@link java.lang.IllegalStateException}.
 */
package adaspec.engine;
