package adaspec.soak;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * One measurement.
 *
 * @param hours      that the process ran
 * @param processor  seconds of processors that it used
 * @param values     of all quantities
 * @param work       what was done up to now, in the order of {@link Load.Count}
 * @param acceptance what the probe found
 */
record Sample(double hours, double processor, Map<Quantity, Double> values, long[] work, Probe.Found acceptance) {
    private static final double MB = 1e6;
    private static final int POLL_MILLIS = 50;
    private static final int MOST_WAITED_MILLIS = 40_000;

    private static final MethodHandle TRIM = Linker.nativeLinker().downcallHandle(
            Linker.nativeLinker().defaultLookup().findOrThrow("malloc_trim"),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));

    /**
     * Measures this process; nothing else may run in it meanwhile.
     *
     * @param settleSeconds that the JVM's compilers must have been idle before: one that is at work has tens of megabytes, and what it has given back
     *                      lies in a pool of the JVM for 5 s
     */
    static Sample now(double settleSeconds, double hours, double processor, long bytesHeld, long[] work, Probe.Found acceptance)
            throws IOException, InterruptedException {
        awaitCompilers(settleSeconds);
        // Twice: what the first finds unreachable is cleaned up by other threads, and gone only with the second.
        for (int i = 0; i < 2; i++) {
            System.gc();
            Thread.sleep(50);
        }
        var values = new EnumMap<Quantity, Double>(Quantity.class);
        String found = status();
        values.put(Quantity.RESIDENT, field(found, "VmRSS") * 1024 / MB);
        values.put(Quantity.THREADS, field(found, "Threads"));
        trim();
        values.put(Quantity.ANONYMOUS, field(status(), "RssAnon") * 1024 / MB);
        values.put(Quantity.HEAP, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / MB);
        values.put(Quantity.CODE, ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.NON_HEAP).mapToLong(pool -> pool.getUsage().getUsed()).sum() / MB);
        values.put(Quantity.DIRECT, ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct")).mapToLong(BufferPoolMXBean::getMemoryUsed).sum() / MB);
        values.put(Quantity.HELD, bytesHeld / MB);
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            values.put(Quantity.FILES, (double) files.count());
        }
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            values.put(Quantity.REGIONS, (double) lines.count());
        }
        return new Sample(hours, processor, values, work, acceptance);
    }

    private static void awaitCompilers(double seconds) throws IOException, InterruptedException {
        int idle = 0;
        for (int polls = 0; idle * POLL_MILLIS < seconds * 1000 && polls * POLL_MILLIS < MOST_WAITED_MILLIS; polls++) {
            Thread.sleep(POLL_MILLIS);
            idle = isCompiling() ? 0 : idle + 1;
        }
    }

    /** Whether a compiler's thread is running, or would if it had a processor. */
    private static boolean isCompiling() throws IOException {
        try (var tasks = Files.list(Path.of("/proc/self/task"))) {
            for (Path task : tasks.toList()) {
                String stat;
                try {
                    stat = Files.readString(task.resolve("stat"));
                } catch (NoSuchFileException e) {
                    continue;
                }
                if (stat.matches("(?s)\\d+ \\(C[12] .*\\) [RD] .*")) {
                    return true;
                }
            }
        }
        return false;
    }

    private static String status() throws IOException {
        return Files.readString(Path.of("/proc/self/status"));
    }

    /** Has malloc give back what is free. */
    private static void trim() {
        try {
            int ignored = (int) TRIM.invokeExact(0L);
        } catch (Throwable e) {
            throw new IllegalStateException("malloc_trim threw", e);
        }
    }

    private static double field(String status, String name) {
        return status.lines().filter(line -> line.startsWith(name + ":")).mapToDouble(line -> Double.parseDouble(line.split("\\s+")[1])).findFirst()
                .orElseThrow(() -> new IllegalStateException("/proc/self/status has no " + name));
    }

    /** One line of a record. */
    String line() {
        List<String> fields = new ArrayList<>(List.of(Double.toString(hours), Double.toString(processor)));
        for (Quantity quantity : Quantity.values()) {
            fields.add(Double.toString(values.get(quantity)));
        }
        Arrays.stream(work).mapToObj(Long::toString).forEach(fields::add);
        fields.addAll(List.of(acceptance.greedy(), acceptance.seeded(), Long.toString(acceptance.accepted()), Long.toString(acceptance.judged())));
        return String.join("\t", fields);
    }

    static Sample parse(String line) {
        String[] fields = line.split("\t");
        int at = 2;
        var values = new EnumMap<Quantity, Double>(Quantity.class);
        for (Quantity quantity : Quantity.values()) {
            values.put(quantity, Double.parseDouble(fields[at++]));
        }
        long[] work = new long[Load.Count.values().length];
        for (int i = 0; i < work.length; i++) {
            work[i] = Long.parseLong(fields[at++]);
        }
        var found = new Probe.Found(fields[at], fields[at + 1], Long.parseLong(fields[at + 2]), Long.parseLong(fields[at + 3]));
        return new Sample(Double.parseDouble(fields[0]), Double.parseDouble(fields[1]), values, work, found);
    }
}
