/**
 * The command line: one class per command, thin. The only place that reads options, picks a device, prints and ends the process.
 *
 * <p>To add a command: extend {@link adaspec.cli.Command}, annotate it with its name, a one-line description and an example
 * ({@link adaspec.cli.Command#EXAMPLE}), and add it to {@link adaspec.cli.Main#COMMANDS}. Results go to {@link adaspec.cli.Command#out},
 * everything else to {@link adaspec.cli.Command#log}; errors are thrown ({@code InputException}, {@code UsageException}) and become a
 * sentence and an exit code in {@link adaspec.cli.Main}.
 */
package adaspec.cli;
