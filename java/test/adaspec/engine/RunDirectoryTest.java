package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.FolderLock;
import adaspec.common.InputException;
import adaspec.tensor.DType;
import adaspec.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run does to the folder that its results go to, and to what lay there. */
class RunDirectoryTest {
    @TempDir
    private Path folder;

    private Path write(String name) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, name);
    }

    @Test
    void overwritingClearsAnEarlierRunAwayAndNothingElse() throws IOException {
        for (String name : List.of("run/config.yaml", "run/reference/model.safetensors", "run/checkpoint-5/config.json", "run/metrics.jsonl")) {
            write(name);
        }
        List<Path> others = List.of(write("run/train.jsonl"), write("run/checkpoint-notes/a.txt"), write("run/my/reference"));
        RunDirectory.prepare(folder.resolve("run"), true);
        for (Path other : others) {
            assertTrue(Files.exists(other), other.toString());
        }
        for (String name : List.of("config.yaml", "reference", "checkpoint-5", "metrics.jsonl")) {
            assertFalse(Files.exists(folder.resolve("run").resolve(name)), name);
        }
    }

    /** A folder of papers may be called "reference" too. */
    @Test
    void foldersThatNoRunLeftAreNotDeleted() throws IOException {
        for (String name : List.of("home/reference/thesis.txt", "work/checkpoint-3/thesis.txt")) {
            Path thesis = write(name);
            Path output = thesis.getParent().getParent();
            String sentence = assertThrows(InputException.class, () -> RunDirectory.prepare(output, true)).getMessage();
            assertTrue(sentence.contains("would delete " + thesis.getParent()) && sentence.contains("no config.yaml"), sentence);
            assertTrue(Files.exists(thesis));
        }
    }

    /** Of a model whose folder was named by mistake the weights are not deleted. */
    @Test
    void filesThatNoRunLeftAreNotDeleted() throws IOException {
        Path output = folder.resolve("model");
        ModelDirectories.write(output, 1, 1, DType.F32);
        String sentence = assertThrows(InputException.class, () -> RunDirectory.prepare(output, true)).getMessage();
        assertTrue(sentence.contains("would delete " + output) && sentence.contains("no config.yaml"), sentence);
        assertTrue(Files.exists(output.resolve("model.safetensors")) && Files.exists(output.resolve("config.json")));
    }

    @Test
    void samplesThatOverwritingWouldDeleteAreRefused() throws IOException {
        Path run = folder.resolve("run");
        Path safe = write("run/train.jsonl");
        Path outside = write("reference/train.jsonl");
        RunDirectory.requireKept(run, true, List.of(safe, outside), null);
        Path reached = Files.createSymbolicLink(folder.resolve("link.jsonl"), write("run/checkpoint-7/eval.jsonl"));
        for (Path lost : List.of(write("run/reference/t.jsonl"), write("run/metrics.jsonl"), reached)) {
            RunDirectory.requireKept(run, false, List.of(lost), null);
            String train = assertThrows(InputException.class, () -> RunDirectory.requireKept(run, true, List.of(lost), null)).getMessage();
            String eval = assertThrows(InputException.class, () -> RunDirectory.requireKept(run, true, List.of(), lost)).getMessage();
            assertTrue(train.contains("would delete " + lost), train);
            assertEquals(train, eval);
        }
    }

    /** Two runs in one folder left the model of one beside the settings of the other. */
    @Test
    void aFolderInUseIsNotTakenByAnotherRun() throws IOException {
        ModelDirectories.write(folder.resolve("model"), 1, 1, DType.F32);
        ModelDirectories.writeSums(folder.resolve("train.jsonl"));
        var sentences = new ArrayList<String>();
        Path output = folder.resolve("run");
        try (Backend backend = Backend.open("cpu", 1)) {
            RunListener meanwhile = new RunListener() {
                @Override
                public void note(String text) {
                    if (!text.startsWith("results go to ")) {
                        return;
                    }
                    for (ResumeFrom resume : new ResumeFrom[] {null, ResumeFrom.LATEST}) {
                        sentences.add(assertThrows(
                                InputException.class, () -> FineTuner.run(request(output, resume), backend, RunListener.NONE, () -> false)).getMessage());
                    }
                }
            };
            FineTuner.run(request(output, null), backend, meanwhile, () -> false);
            assertEquals(2, sentences.size());
            for (String sentence : sentences) {
                assertTrue(sentence.startsWith("another run is using " + output), sentence);
            }
            assertTrue(Files.exists(output.resolve("model.safetensors")));
            try (var files = Files.list(output)) {
                assertEquals(0, files.filter(file -> file.toString().endsWith(".lock")).count());
            }
            FineTuner.run(request(output, null), backend, RunListener.NONE, () -> false);
        }
    }

    /** Left by a run that was killed before it had written anything. */
    @Test
    void aLockThatWasLeftIsNoResult() throws IOException {
        write("run/.run.lock");
        RunDirectory.requireEmpty(folder.resolve("run"));
        try (FolderLock lock = RunDirectory.lock(folder.resolve("run"))) {
            assertThrows(InputException.class, () -> RunDirectory.lock(folder.resolve("run")));
        }
    }

    private FineTuner.Request request(Path output, ResumeFrom resume) {
        var options = TrainingOptions.builder().batchSize(2).maxSteps(2).loggingSteps(1).build();
        return new FineTuner.Request(
                folder.resolve("model"), List.of(folder.resolve("train.jsonl")), null, null, 0, options, output, resume == null, resume, List.of());
    }
}
