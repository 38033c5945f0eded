/**
 * What {@code bench/experiment/run.sh} needs beside the engine's commands: its data ({@link adaspec.bench.experiment.Prepare}) and its page of
 * results ({@link adaspec.bench.experiment.Results}). The training and the measuring are the commands' own.
 */
package adaspec.bench.experiment;
