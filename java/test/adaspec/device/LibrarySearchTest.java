package adaspec.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibrarySearchTest {
    private static final String NAME = "libcublas.so.13";

    @TempDir
    private Path root;

    private Path put(String folder) throws IOException {
        Path file = root.resolve(folder).resolve(NAME);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "");
    }

    /** From the last place to the first: each new file is found before those that are there. */
    @Test
    void theLoadersFoldersComeFirstThenCudasThenPythons() throws IOException {
        var search = new LibrarySearch(root, Map.of("LD_LIBRARY_PATH", "/nowhere::/opt/cuda", "VIRTUAL_ENV", "/opt/env", "HOME", "/home/me"));
        assertEquals(Optional.empty(), search.first(NAME));
        for (String folder : new String[] {
            "home/me/.local/lib/python3.9/site-packages/nvidia/cu13/lib",
            "usr/lib/python3/dist-packages/nvidia/cu13/lib",
            "usr/local/lib/python3.11/dist-packages/nvidia/cublas/lib",
            "usr/local/lib/python3.12/dist-packages/nvidia/cublas/lib",
            "opt/env/lib/python3.12/site-packages/nvidia/cublas/lib",
            "opt/env/lib/python3.12/site-packages/nvidia/cu13/lib",
            "usr/local/cuda-12.4/lib64",
            "usr/local/cuda-13.0/lib64",
            "usr/local/cuda/lib64",
            "usr/lib/x86_64-linux-gnu",
            "opt/cuda",
        }) {
            Path file = put(folder);
            assertEquals(Optional.of(file), search.first(NAME), folder);
        }
    }

    @Test
    void withoutVariablesTheSystemIsSearched() throws IOException {
        Path file = put("usr/local/lib/python3.12/site-packages/nvidia/cu13/lib");
        assertEquals(Optional.of(file), new LibrarySearch(root, Map.of()).first(NAME));
    }
}
