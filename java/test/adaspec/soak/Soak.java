package adaspec.soak;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The command behind {@code bench/soak/soak.sh}: {@code run DIR} works for {@code --minutes} and leaves a line a measurement in DIR/samples.tsv;
 * {@code report DIR} says what they show. Both end with 1 if anything grew or drifted. The process may be stopped meanwhile; DIR/pid is its number.
 */
public final class Soak {
    static final String SAMPLES = "samples.tsv";

    /** Pieces of work that a worker does before another thread takes its place: native code keeps memory for each thread. */
    private static final int PIECES_OF_A_THREAD = 50;

    private final OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private final RunningClock clock = RunningClock.start();
    private final Throttle throttle;
    private final Load load;
    /** Fair, so that the measurement has its turn: workers read. */
    private final ReentrantReadWriteLock gate = new ReentrantReadWriteLock(true);

    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean ended;

    private Soak(Load load, double share) {
        this.load = load;
        this.throttle = new Throttle(share);
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new LinkedHashMap<>(Map.of(
                "--minutes", "120", "--interval", "60", "--samples", "10", "--duty", "1", "--workers", "3", "--threads", "1", "--seed", "0",
                "--plant", ""));
        options.putAll(Map.of(
                "--probe-prompts", "6", "--probe-tokens", "24", "--settle", "7", "--warm-up", Double.toString(Verdict.WARM_UP), "--slack", "1"));
        for (int i = 2; i < arguments.length; i += 2) {
            if (i + 1 >= arguments.length || !options.containsKey(arguments[i])) {
                System.err.println("error: " + arguments[i] + " is unknown or lacks its value; known: " + options.keySet());
                System.exit(2);
            }
            options.put(arguments[i], arguments[i + 1]);
        }
        Path folder = Path.of(arguments[1]);
        if (arguments[0].equals("run")) {
            // For whoever wants it to stand still for a while: kill -STOP, kill -CONT.
            Files.writeString(folder.resolve("pid"), Long.toString(ProcessHandle.current().pid()));
            try (var load = new Load(folder.resolve("files"), Integer.parseInt(options.get("--threads")))) {
                new Soak(load, Double.parseDouble(options.get("--duty"))).run(folder.resolve(SAMPLES), options);
            }
        }
        List<Sample> samples = Files.readAllLines(folder.resolve(SAMPLES)).stream().map(Sample::parse).toList();
        Verdict verdict = Verdict.of(samples, Double.parseDouble(options.get("--warm-up")), Double.parseDouble(options.get("--slack")));
        System.out.print(SoakReport.of(samples, verdict, Double.parseDouble(options.get("--slack"))));
        System.exit(verdict.wrong().isEmpty() ? 0 : 1);
    }

    private void run(Path file, Map<String, String> options) throws Exception {
        double seconds = Double.parseDouble(options.get("--minutes")) * 60;
        int least = Integer.parseInt(options.get("--samples"));
        double interval = Double.parseDouble(options.get("--interval"));
        double settle = Double.parseDouble(options.get("--settle"));
        var probe = new Probe(
                load.prompts().subList(0, Integer.parseInt(options.get("--probe-prompts"))), Integer.parseInt(options.get("--probe-tokens")));
        Set<Plant> plants = EnumSet.noneOf(Plant.class);
        Arrays.stream(options.get("--plant").split(",")).filter(name -> !name.isEmpty()).map(Plant::valueOf).forEach(plants::add);
        Files.writeString(file, "");
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(options.get("--workers")); i++) {
            var random = new SplittableRandom(Long.parseLong(options.get("--seed")) * 1000 + i);
            workers.add(Thread.ofPlatform().name("supervisor-" + i).start(() -> supervise(random)));
        }
        try {
            for (int sample = 0; clock.seconds() < seconds || sample < least; sample++) {
                // From the end of the last measurement on: where that takes long, there is still work between it and the next.
                double due = clock.seconds() + interval;
                while (clock.seconds() < due && failure.get() == null) {
                    Thread.sleep(20);
                }
                if (failure.get() != null) {
                    break;
                }
                Plant.grow(plants, load, probe, sample);
                Files.writeString(file, measured(probe, settle).line() + "\n", StandardOpenOption.APPEND);
            }
        } finally {
            ended = true;
        }
        for (Thread worker : workers) {
            worker.join();
        }
        if (failure.get() != null) {
            throw new IllegalStateException("the work failed", failure.get());
        }
    }

    private Sample measured(Probe probe, double settle) throws IOException, InterruptedException {
        gate.writeLock().lock();
        try {
            load.rest();
            Probe.Found found = probe.ask(load.lasting(), load::reopened);
            return Sample.now(settle, clock.seconds() / 3600, processorSeconds(), load.lasting().bytesHeld(), load.counts(), found);
        } finally {
            gate.writeLock().unlock();
        }
    }

    private double processorSeconds() {
        return system.getProcessCpuTime() * 1e-9;
    }

    private void supervise(SplittableRandom random) {
        try {
            while (!ended && failure.get() == null) {
                SplittableRandom its = random.split();
                Thread worker = Thread.ofPlatform().name("worker").start(() -> work(its));
                worker.join();
            }
        } catch (InterruptedException e) {
            failure.compareAndSet(null, e);
        }
    }

    private void work(SplittableRandom random) {
        try {
            for (int i = 0; i < PIECES_OF_A_THREAD && !ended; i++) {
                while (!throttle.allows(clock.seconds(), processorSeconds()) && !ended) {
                    Thread.sleep(20);
                }
                gate.readLock().lock();
                try {
                    load.piece(random);
                } finally {
                    gate.readLock().unlock();
                }
            }
        } catch (Throwable e) {
            failure.compareAndSet(null, e);
        }
    }
}
