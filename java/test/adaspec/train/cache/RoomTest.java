package adaspec.train.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoomTest {
    @TempDir
    Path root;

    private void write(String file, String text) throws IOException {
        Files.createDirectories(root.resolve(file).getParent());
        Files.writeString(root.resolve(file), text);
    }

    @Test
    void aContainersLimitCountsWhereItIsLower() throws IOException {
        assertEquals(Long.MAX_VALUE, Room.availableMemory(root), "nothing is known");
        write("proc/meminfo", "MemTotal:       8000 kB\nMemFree:         100 kB\nMemAvailable:   6000 kB\n");
        assertEquals(6000 * 1024, Room.availableMemory(root));
        write("sys/fs/cgroup/memory.max", "max\n");
        assertEquals(6000 * 1024, Room.availableMemory(root));
        write("sys/fs/cgroup/memory.max", "5000000\n");
        write("sys/fs/cgroup/memory.current", "3000000\n");
        write("sys/fs/cgroup/memory.stat", "anon 1900000\nfile 1000000\ninactive_file 700000\nactive_file 300000\ninactive_anon 5\n");
        assertEquals(3000000, Room.availableMemory(root));
        write("sys/fs/cgroup/memory.max", "1000000\n");
        assertEquals(0, Room.availableMemory(root));
    }

    @Test
    void whatDoesNotFitIsOneSentence() {
        String memory = assertThrows(InputException.class, () -> Room.requireMemory(1L << 60)).getMessage();
        assertTrue(memory.contains("takes 1152921504.6 GB, but") && memory.contains("give --teacher-cache a folder"), memory);
        Path folder = root.resolve("not/there/yet");
        String disk = assertThrows(InputException.class, () -> Room.requireDisk(folder, 1L << 60)).getMessage();
        assertTrue(disk.contains("more in " + folder) && disk.contains("are free there"), disk);
        Room.requireMemory(1);
        Room.requireDisk(folder, 1);
    }

    @Test
    void sizesReadAsPeopleWriteThem() {
        assertEquals("0.4 kB", Room.text(400));
        assertEquals("999.9 kB", Room.text(999_900));
        assertEquals("12.3 MB", Room.text(12_300_000));
        assertEquals("4.5 GB", Room.text(4_500_000_000L));
    }
}
