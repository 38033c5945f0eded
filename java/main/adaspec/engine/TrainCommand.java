package adaspec.engine;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Version;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** train_command.txt: how a run was started, by which engine, on what. */
final class TrainCommand {
    private TrainCommand() {}

    /** @param resumed whether the run was started before: then this start is added to the others */
    static void write(Path folder, List<String> arguments, Backend backend, boolean resumed) {
        Version version = Version.current();
        Path file = folder.resolve("train_command.txt");
        AtomicFile.writeString(
                file,
                (resumed ? earlier(file) : "")
                        + "arguments: " + arguments.stream().map(TrainCommand::quoted).collect(Collectors.joining(" "))
                        + "\nversion: " + version.number()
                        + "\nrevision: " + version.revision() + "\ndevice: " + backend.description() + "\njava: "
                        + System.getProperty("java.vm.version") + "\n");
    }

    private static String earlier(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) + "\nresumed\n" : "";
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    /** As a shell would need it. */
    private static String quoted(String argument) {
        return argument.matches("[A-Za-z0-9_@%+=:,./-]+") ? argument : "'" + argument.replace("'", "'\\''") + "'";
    }
}
