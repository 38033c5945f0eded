package adaspec.text;

import java.util.Arrays;

/** What is known of an instruction at a place: (instruction, place) to a number from -1 on, by open addressing. Forgets places left behind. */
final class PlaceMemory {
    static final int UNKNOWN = -2;
    private static final long FREE = -1;

    private long[] keys = new long[1 << 12];
    private int[] values = new int[keys.length];
    private int size;
    private int floor;

    PlaceMemory() {
        Arrays.fill(keys, FREE);
    }

    /** Places before {@code place} will not be asked for any more. */
    void forgetBefore(int place) {
        floor = place;
    }

    int get(int instruction, int place) {
        int slot = slot(key(instruction, place));
        return keys[slot] == FREE ? UNKNOWN : values[slot];
    }

    void put(int instruction, int place, int value) {
        if (size * 2 >= keys.length) {
            rebuild();
        }
        long key = key(instruction, place);
        int slot = slot(key);
        size += keys[slot] == FREE ? 1 : 0;
        keys[slot] = key;
        values[slot] = value;
    }

    private void rebuild() {
        long[] oldKeys = keys;
        int[] oldValues = values;
        long kept = Arrays.stream(oldKeys).filter(key -> key != FREE && (int) key >= floor).count();
        int capacity = keys.length;
        while (kept * 4 > capacity) {
            capacity = Math.multiplyExact(capacity, 2);
        }
        keys = new long[capacity];
        values = new int[capacity];
        Arrays.fill(keys, FREE);
        size = 0;
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != FREE && (int) oldKeys[i] >= floor) {
                put((int) (oldKeys[i] >>> 32), (int) oldKeys[i], oldValues[i]);
            }
        }
    }

    private static long key(int instruction, int place) {
        return (long) instruction << 32 | place;
    }

    private int slot(long key) {
        long h = key * 0x9E3779B97F4A7C15L;
        int slot = (int) (h ^ h >>> 32) & keys.length - 1;
        while (keys[slot] != FREE && keys[slot] != key) {
            slot = slot + 1 & keys.length - 1;
        }
        return slot;
    }
}
