package adaspec.fuzz;

import adaspec.common.AtomicFile;
import adaspec.common.Json;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.engine.Backend;
import adaspec.engine.CachePlace;
import adaspec.engine.Distiller;
import adaspec.engine.FineTuner;
import adaspec.engine.Method;
import adaspec.engine.ModelDirectories;
import adaspec.engine.ResumeFrom;
import adaspec.engine.RunListener;
import adaspec.engine.TeacherCaches;
import adaspec.eval.Evaluator;
import adaspec.tensor.DType;
import adaspec.train.Checkpoints;
import adaspec.train.TrainingOptions;
import adaspec.train.TrainingStopped;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32C;

/** Folders that the engine writes for itself and reads later: a run with a checkpoint to take it up from, and a teacher cache. */
final class FuzzedFolders {
    private static final String CHECKPOINT = "run/checkpoint-1/";
    private static final String STATE = "trainer_state.json";

    static final List<Target> ALL = List.of(
            checkpoint("state", STATE, Mutations::json),
            checkpoint("optimizer", "optimizer.safetensors", Mutations::safetensors),
            checkpoint("model", "model.safetensors", Mutations::safetensors),
            checkpoint("config", "config.json", Mutations::json),
            new Target(
                    "run-metrics", "run/metrics.jsonl", folder -> run(folder, "run/metrics.jsonl"), Mutations::json, folder -> resume(folder, null)),
            cache("manifest", "teacher-cache.json", Mutations::json),
            cache("record", "target-hidden.json", Mutations::json),
            cache("data", "target-hidden.bin", Mutations::bytes));

    private FuzzedFolders() {}

    private static Target checkpoint(String name, String file, Target.Mutation mutation) {
        return new Target(
                "checkpoint-" + name, CHECKPOINT + file, folder -> run(folder, CHECKPOINT + file), mutation, folder -> resume(folder, file));
    }

    private static Target cache(String name, String file, Target.Mutation mutation) {
        return new Target("cache-" + name, "cache/" + file, folder -> cache(folder, "cache/" + file), mutation, FuzzedFolders::useCache);
    }

    private static void copy(Path from, Path to) throws IOException {
        Checkpoints.deleteTree(to);
        try (var files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()), LinkOption.NOFOLLOW_LINKS);
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ a run

    private static FineTuner.Request request(Path folder, Path output, ResumeFrom resume) {
        var options = TrainingOptions.builder().batchSize(2).maxSteps(2).loggingSteps(1).evalSteps(1).learningRate(1e-3).build();
        return new FineTuner.Request(
                folder.resolve("model"), List.of(folder.resolve("train.jsonl")), null, null, 0, options, output, false, resume, List.of());
    }

    private static List<byte[]> run(Path folder, String victim) throws IOException {
        ModelDirectories.write(folder.resolve("model"), 1, 1, DType.F32);
        ModelDirectories.writeSums(folder.resolve("train.jsonl"));
        try (Backend backend = Backend.open("auto", 1)) {
            FineTuner.run(request(folder, folder.resolve("run"), null), backend, new RunListener() {}, () -> true);
            throw new IllegalStateException("the run was to stop after its first step");
        } catch (TrainingStopped stopped) {
            return List.of(Files.readAllBytes(folder.resolve(victim)));
        }
    }

    private static void resume(Path folder, String damaged) throws IOException {
        Path again = folder.resolve("again");
        copy(folder.resolve("run"), again);
        Path checkpoint = again.resolve("checkpoint-1");
        if (damaged != null && !damaged.equals(STATE) && crc(Files.readAllBytes(checkpoint.resolve(damaged))) % 2 == 0) {
            mend(checkpoint.resolve(STATE), damaged, Files.readAllBytes(checkpoint.resolve(damaged)));
        }
        try (Backend backend = Backend.open("auto", 1)) {
            FineTuner.run(request(folder, again, new ResumeFrom(checkpoint)), backend, new RunListener() {}, () -> false);
        }
    }

    /** Makes the checksum right again, as if the damage had been written: what reads the file after that must not trust it either. */
    private static void mend(Path state, String name, byte[] content) {
        ObjectNode all = (ObjectNode) Json.readFile(state);
        ((ObjectNode) all.get("files").get(name)).put("bytes", content.length).put("crc32c", String.format("%08x", crc(content)));
        AtomicFile.writeString(state, all.toString());
    }

    private static long crc(byte[] bytes) {
        var sum = new CRC32C();
        sum.update(bytes);
        return sum.getValue();
    }

    // ------------------------------------------------------------------------------------------------ a cache

    private static Distiller.Builder distiller(Path folder) {
        return Distiller.builder()
                .target(folder.resolve("target"))
                .draft(folder.resolve("model"))
                .trainFile(folder.resolve("train.jsonl"))
                .method(Method.DISTILLSPEC)
                .teacherCache(CachePlace.in(folder.resolve("used")))
                .training(TrainingOptions.builder().batchSize(2).maxSteps(1).build())
                .numPrompts(1)
                .evaluation(new Evaluator.Settings(Sampling.greedy(1), Speculation.of(1), false))
                .overwrite(true)
                .output(folder.resolve("out"));
    }

    private static List<byte[]> cache(Path folder, String victim) throws IOException {
        ModelDirectories.write(folder.resolve("target"), 1, 1, DType.F32);
        ModelDirectories.write(folder.resolve("model"), 1, 2, DType.F32);
        ModelDirectories.writeSums(folder.resolve("train.jsonl"));
        try (Backend backend = Backend.open("auto", 1)) {
            distiller(folder).build().run(backend);
        }
        copy(folder.resolve("used"), folder.resolve("cache"));
        return List.of(Files.readAllBytes(folder.resolve(victim)));
    }

    /** Half of them is used by a run, which believes what it may; the other half is listed, verified and cleared away. */
    private static void useCache(Path folder) throws IOException {
        Path used = folder.resolve("used");
        copy(folder.resolve("cache"), used);
        long sum = 0;
        for (String name : List.of("teacher-cache.json", "target-hidden.json", "target-hidden.bin")) {
            sum += crc(Files.readAllBytes(used.resolve(name)));
        }
        try (Backend backend = Backend.open("auto", 1)) {
            if (sum % 2 == 0) {
                distiller(folder).build().run(backend);
                return;
            }
            TeacherCaches.list(used, null).forEach(content -> content.describe());
            TeacherCaches.verify(used, null, backend, new RunListener() {});
            TeacherCaches.delete(used);
        }
    }
}
