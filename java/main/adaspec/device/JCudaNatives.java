package adaspec.device;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * JCuda's own native libraries, taken from the folder of this build's.
 *
 * <p>JCuda loads {java.io.tmpdir}/{a fixed name} where such a file exists, and else unpacks it there: in a folder that all may write to, the file may
 * be anybody's. While a class of JCuda is initialised the property names our folder instead, which only its owner may write to and whose files were
 * compared with their hashes. The jar has no copy where JCuda looks for one, so initialising it in any other way fails.
 */
final class JCudaNatives {
    private static final String TEMPORARY = "java.io.tmpdir";

    /** What a class failed with the first time: the JVM says nothing of it later. Initialisation is the process's, and so is this. */
    private static final Map<String, LinkageError> FAILED = new HashMap<>();

    private JCudaNatives() {}

    /**
     * Initialises a class of JCuda, which loads its library.
     *
     * @throws LinkageError if it cannot be loaded
     */
    static synchronized void initialize(String className, Path folder) {
        LinkageError failed = FAILED.get(className);
        if (failed != null) {
            throw failed;
        }
        String before = System.getProperty(TEMPORARY);
        System.setProperty(TEMPORARY, folder.toString());
        try {
            Class.forName(className, true, JCudaNatives.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new LinkageError(className + " is missing from this build", e);
        } catch (LinkageError e) {
            FAILED.put(className, e);
            throw e;
        } finally {
            System.setProperty(TEMPORARY, before);
        }
    }
}
