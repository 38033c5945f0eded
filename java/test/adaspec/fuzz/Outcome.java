package adaspec.fuzz;

/**
 * What came of one input.
 *
 * @param detail the refusal, or what was wrong, on one line
 * @param memory bytes that it took: {@link FuzzChild#BASE}
 */
record Outcome(Kind kind, String detail, int inputBytes, long memory, long micros) {
    enum Kind {
        /** The damage did no harm. */
        ACCEPTED(true),
        /** Refused with a clear sentence. */
        REFUSED(true),
        /** Refused with a sentence that is not clear. */
        UNCLEAR(false),
        THREW(false),
        MEMORY(false),
        /** No answer in time. */
        HUNG(false),
        /** The process ended. */
        DIED(false);

        final boolean clean;

        Kind(boolean clean) {
            this.clean = clean;
        }
    }

    static Outcome of(Kind kind, String detail) {
        String line = detail.replaceAll("[\\p{Cntrl}]", "?");
        return new Outcome(kind, line.length() > 400 ? line.substring(0, 400) + "..." : line, 0, 0, 0);
    }

    Outcome with(int bytes, long taken, long time) {
        return new Outcome(kind, detail, bytes, taken, time);
    }

    boolean isClean() {
        return kind.clean;
    }

    String line() {
        return kind + "\t" + inputBytes + "\t" + memory + "\t" + micros + "\t" + detail;
    }

    static Outcome parse(String line) {
        String[] parts = line.split("\t", 5);
        return new Outcome(Kind.valueOf(parts[0]), parts[4], Integer.parseInt(parts[1]), Long.parseLong(parts[2]), Long.parseLong(parts[3]));
    }
}
