package adaspec.soak;

/** What is measured of the process while its work is paused, and how far it may rise over a run. */
enum Quantity {
    /** VmRSS as it is found: with mapped files, and with the free memory that malloc's arenas have kept since the last measurement. */
    RESIDENT("resident", "MB", 32),
    /** RssAnon without what malloc keeps: the heap, which is touched as a whole at the start, the JVM's own memory, and the engine's. */
    ANONYMOUS("anonymous in use", "MB", 8),
    /** Used after a collection. */
    HEAP("heap after GC", "MB", 1),
    /** Metaspace and compiled code: grows while anything is still compiled, so that it is shown and not judged by itself. */
    CODE("JVM's classes and code", "MB", Double.POSITIVE_INFINITY),
    DIRECT("direct buffers", "MB", 0.5),
    /** What the long-lived engine says that it holds, address space that is only reserved included; its idle sessions are of changing length. */
    HELD("held by the engine, reserved space included", "MB", 8),
    THREADS("threads", "", 1.5),
    FILES("open files", "", 1.5),
    /** Lines of /proc/self/maps. */
    REGIONS("mapped regions", "", 24);

    final String words;
    final String unit;
    /** Of the fitted line, from the end of the warm-up to the end. */
    final double mostRise;

    Quantity(String words, String unit, double mostRise) {
        this.words = words;
        this.unit = unit;
        this.mostRise = mostRise;
    }
}
