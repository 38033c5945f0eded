package adaspec.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * A kind of file that a user can give, with what is done with it.
 *
 * @param name     as it is asked for
 * @param file     the file that is damaged, below the folder
 * @param prepare  writes the whole folder, {@code file} in good order, and gives the good contents to start from
 * @param mutation damages one of these
 * @param use      does with the folder what the engine does
 */
record Target(String name, String file, Preparation prepare, Mutation mutation, Use use) {
    interface Preparation {
        List<byte[]> in(Path folder) throws IOException;
    }

    interface Mutation {
        byte[] of(byte[] good, Random random);
    }

    interface Use {
        void of(Path folder) throws Exception;
    }

    /** Whole files below one of the repository's folders. */
    static List<byte[]> copied(Path from, Path folder, String victim) throws IOException {
        Files.createDirectories(folder);
        try (var files = Files.list(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        return List.of(Files.readAllBytes(folder.resolve(victim)));
    }

    /** Input {@code index} of this target: the same for the same seed. */
    byte[] input(List<byte[]> good, long seed, int index) {
        Random random = new Random(seed * 0x9E3779B97F4A7C15L ^ (long) name.hashCode() << 32 ^ index);
        random.nextLong();
        return mutation.of(good.get(random.nextInt(good.size())), random);
    }
}
