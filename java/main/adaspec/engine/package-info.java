/**
 * The public API. {@link adaspec.engine.Engine} continues text with a target and a draft; {@link adaspec.engine.Distiller} makes the draft better:
 * its stages, their evaluation and the folder of results; {@link adaspec.engine.FineTuner} trains one model by cross entropy.
 * A {@link adaspec.engine.Backend} is where they run. Nothing here prints, ends the process or keeps static state.
 */
package adaspec.engine;
