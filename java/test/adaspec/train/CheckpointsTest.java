package adaspec.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import adaspec.common.InputException;
import adaspec.common.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
    @TempDir
    private Path folder;

    /** A link that cannot get its name, as on a full disk, does not stay under another. */
    @Test
    void aLinkThatFailsLeavesNothingBehind() throws Exception {
        var checkpoints = new Checkpoints(folder, folder, Json.MAPPER.createObjectNode(), null, Json.MAPPER.createObjectNode());
        Files.createDirectories(folder.resolve("checkpoint-1"));
        Path inTheWay = Files.createDirectories(folder.resolve("checkpoint-best/full")).getParent();
        var e = assertThrows(InputException.class, () -> checkpoints.markBest(1));
        assertEquals(true, e.getMessage().startsWith("cannot write " + inTheWay + ": "), e::getMessage);
        try (var files = Files.list(folder)) {
            assertEquals(List.of("checkpoint-1", "checkpoint-best"), files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }
}
