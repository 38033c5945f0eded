package adaspec.device;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The folders in which CUDA's shared libraries usually lie: those of the loader, those of CUDA's toolkits, and the site-packages of Python, whose
 * packages for CUDA bring the libraries along.
 */
public final class LibrarySearch {
    private final Path root;
    private final Map<String, String> environment;

    /**
     * @param root        the folder that stands for {@code /}
     * @param environment read are LD_LIBRARY_PATH, VIRTUAL_ENV, CONDA_PREFIX and HOME
     */
    public LibrarySearch(Path root, Map<String, String> environment) {
        this.root = root;
        this.environment = environment;
    }

    /** This machine. */
    public static LibrarySearch here() {
        return new LibrarySearch(Path.of("/"), System.getenv());
    }

    /** The first file of that name, or empty. */
    public Optional<Path> first(String name) {
        return folders().stream().map(folder -> folder.resolve(name)).filter(Files::exists).findFirst();
    }

    /** All of them, in the order of the search, there or not. */
    List<Path> folders() {
        var folders = new ArrayList<Path>();
        for (String folder : environment.getOrDefault("LD_LIBRARY_PATH", "").split(":")) {
            if (!folder.isBlank()) {
                folders.add(inRoot(folder));
            }
        }
        for (String folder : List.of("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "usr/lib/wsl/lib",
                "usr/local/lib", "usr/local/nvidia/lib64", "usr/local/cuda/lib64", "usr/local/cuda/compat")) {
            folders.add(root.resolve(folder));
        }
        for (Path cuda : matching(root.resolve("usr/local"), "cuda-*")) {
            folders.add(cuda.resolve("lib64"));
        }
        for (Path packages : pythonPackages()) {
            folders.add(packages.resolve("nvidia/cu13/lib"));
            folders.add(packages.resolve("nvidia/cublas/lib"));
        }
        return folders;
    }

    private List<Path> pythonPackages() {
        var homes = Stream.concat(
                Stream.of("VIRTUAL_ENV", "CONDA_PREFIX").map(environment::get).filter(home -> home != null && !home.isBlank()).map(this::inRoot),
                Stream.of(root.resolve("usr/local"), root.resolve("usr"), inRoot(environment.getOrDefault("HOME", "root")).resolve(".local")));
        return homes.flatMap(home -> matching(home.resolve("lib"), "python3*").stream())
                .flatMap(python -> Stream.of(python.resolve("site-packages"), python.resolve("dist-packages")))
                .toList();
    }

    private Path inRoot(String path) {
        return root.resolve(path.replaceFirst("^/+", ""));
    }

    /** From the last name to the first, so that of several versions the newest comes first. */
    private static List<Path> matching(Path folder, String glob) {
        var found = new ArrayList<Path>();
        try (DirectoryStream<Path> children = Files.newDirectoryStream(folder, glob)) {
            children.forEach(found::add);
        } catch (IOException e) {
            // A folder that is not there holds nothing.
        }
        found.sort(Comparator.reverseOrder());
        return found;
    }
}
