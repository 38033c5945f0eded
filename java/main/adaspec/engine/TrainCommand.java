package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.Version;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** train_command.txt: how a run was started, by which engine, on what. */
final class TrainCommand {
    private TrainCommand() {}

    static void write(Path folder, List<String> arguments, Backend backend) {
        Version version = Version.current();
        AtomicFile.writeString(
                folder.resolve("train_command.txt"),
                "arguments: " + arguments.stream().map(TrainCommand::quoted).collect(Collectors.joining(" ")) + "\nversion: " + version.number()
                        + "\nrevision: " + version.revision() + "\ndevice: " + backend.description() + "\njava: "
                        + System.getProperty("java.vm.version") + "\n");
    }

    /** As a shell would need it. */
    private static String quoted(String argument) {
        return argument.matches("[A-Za-z0-9_@%+=:,./-]+") ? argument : "'" + argument.replace("'", "'\\''") + "'";
    }
}
