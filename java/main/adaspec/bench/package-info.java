/**
 * Measuring the engine on this machine: whole jobs with random models, each figure with its spread and its share of what the machine can do.
 *
 * <p>A floor is the time that the arithmetic of a piece of work takes at the measured rate of large products, or its bytes at the measured bandwidth,
 * whichever is longer. Measured in the same process as the work, a floor is this machine's at that time, not a data sheet's.
 */
package adaspec.bench;
