package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import adaspec.common.UsageException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CachePlaceTest {
    @Test
    void readsWhatItWrites() {
        for (String text : new String[] {"off", "memory", "runs/cache", "./off"}) {
            assertEquals(text, CachePlace.parse(text).toString());
        }
        assertEquals(CachePlace.OFF, CachePlace.parse("off"));
        assertEquals(CachePlace.MEMORY, CachePlace.parse("memory"));
        assertEquals(CachePlace.in(Path.of("off")).folder(), CachePlace.parse("./off").folder().normalize());
        assertThrows(UsageException.class, () -> CachePlace.parse(" "));
        assertThrows(IllegalArgumentException.class, () -> CachePlace.in(null));
    }
}
