package adaspec.bench.experiment;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What {@code run.sh} notes of each step in {@code times.tsv}: name, seconds, processor seconds, and "done" or how it was stopped. */
record Times(List<Step> steps) {
    record Step(String name, long seconds, long processorSeconds, boolean done) {}

    /** Of a file that may not be there yet. */
    static Times read(Path file) {
        try {
            List<String> lines = Files.exists(file) ? Files.readAllLines(file) : List.of();
            return new Times(lines.stream().map(line -> step(line, file)).toList());
        } catch (IOException e) {
            throw new InputException("cannot read " + file + ": " + AtomicFile.reason(e), e);
        }
    }

    private static Step step(String line, Path file) {
        String[] parts = line.split("\t");
        if (parts.length != 4 || !parts[1].matches("\\d{1,9}") || !parts[2].matches("\\d{1,9}")) {
            throw new InputException(
                    file + " has the line \"" + line + "\"; name, seconds, processor seconds and outcome were expected, a tab between each");
        }
        return new Step(parts[0], Long.parseLong(parts[1]), Long.parseLong(parts[2]), parts[3].equals("done"));
    }

    long done() {
        return steps.stream().filter(Step::done).count();
    }

    long seconds() {
        return steps.stream().mapToLong(Step::seconds).sum();
    }

    long processorSeconds() {
        return steps.stream().mapToLong(Step::processorSeconds).sum();
    }

    /** Of all attempts at one step. */
    long processorSeconds(String name) {
        return steps.stream().filter(step -> step.name().equals(name)).mapToLong(Step::processorSeconds).sum();
    }
}
