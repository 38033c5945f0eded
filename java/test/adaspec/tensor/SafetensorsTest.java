package adaspec.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsTest {
    @TempDir
    Path folder;

    private Path file(String header, int dataBytes) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return file(json.length, json, dataBytes);
    }

    private Path file(long headerLength, byte[] json, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(headerLength).put(json);
        Path file = folder.resolve("model.safetensors");
        Files.write(file, bytes.array());
        return file;
    }

    @Test
    void whatIsWrittenIsReadBack() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("a", Tensor.ofFloats(new float[] {1, -2, 3.5f, Float.MIN_VALUE, 0, -0f}, 2, 3));
        tensors.put("empty", Tensor.ofFloats(new float[0], 0, 4));
        Tensor half = Tensor.of(java.lang.foreign.MemorySegment.ofArray(new short[3]), DType.F16, 3);
        for (int i = 0; i < 3; i++) {
            half.set(i, i * 0.5f);
        }
        tensors.put("b", half);
        Path file = folder.resolve("sub/model.safetensors");
        Safetensors.write(file, tensors, Map.of("format", "pt"));
        try (var read = Safetensors.open(file)) {
            assertEquals(tensors.keySet(), read.tensors().keySet());
            assertArrayEquals(tensors.get("a").toFloats(), read.require("a", 2, 3).toFloats());
            assertArrayEquals(new float[] {0, 0.5f, 1}, read.require("b", 3).toFloats());
            assertEquals("pt", read.metadata().get("format"));
        }
        assertEquals(1, folder.resolve("sub").toFile().list().length, "nothing but the file itself is left");
    }

    /** Each broken header ends in a sentence that names the file and what is wrong. */
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,12]}};16;byte range has 12 bytes",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}};8;truncated",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}};16;overlap",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}};16;lies at bytes 8 to 0",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,8]}};16;extent -1",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}};16;byte range",
                "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}};16;has no shape",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}};16;two data_offsets",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.5]}};16;two data_offsets",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}};16;uplicate",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}};16;bytes of data from 8 to 16 belong to no tensor",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}};16;bytes of data from 0 to 8 belong to no tensor",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[12,16]}};16;4 to 12 belong",
                "{\"a\":;16;not valid JSON",
                "[1];16;not a JSON object",
            })
    void brokenHeadersAreRefused(String header, int dataBytes, String expected) throws IOException {
        Path file = file(header, dataBytes);
        String sentence = assertThrows(InputException.class, () -> Safetensors.open(file)).getMessage();
        assertTrue(sentence.contains("model.safetensors"), sentence);
        assertTrue(sentence.contains(expected), sentence);
    }

    @ParameterizedTest
    @CsvSource({"-1", "0", "1", "1000000", "9223372036854775807"})
    void absurdHeaderLengthsAreRefused(long length) throws IOException {
        Path file = file(length, "{}".getBytes(StandardCharsets.UTF_8), 4);
        String sentence = assertThrows(InputException.class, () -> Safetensors.open(file)).getMessage();
        assertTrue(sentence.contains("header length says"), sentence);
    }

    /** Waiting for a writer that never comes, or reading a device without an end, would be no answer. */
    @Test
    void pipesAndDevicesAreRefused() throws Exception {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (Path file : new Path[] {pipe, Path.of("/dev/zero")}) {
            String sentence = assertThrows(InputException.class, () -> Safetensors.open(file)).getMessage();
            assertTrue(sentence.startsWith(file + " is a pipe or a device"), sentence);
        }
    }

    /** At the ends of what is looked at at once: a long, a piece, a part; in vectors that do not fill their last long; at odd addresses. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void oneValueThatIsNotFiniteIsFoundWhereverItIs(DType type) throws IOException {
        int count = (17 << 20) / type.bytes() + 3;
        long piece = (256 << 10) / type.bytes();
        long part = (16 << 20) / type.bytes();
        String header = "{\"odd\":{\"dtype\":\"" + type.safetensorsName() + "\",\"shape\":[" + count + "],\"data_offsets\":[0,"
                + count * type.bytes() + "]}} ";
        header += header.length() % 2 == 0 ? " " : "";
        Path file = file(header, count * type.bytes());
        try (var read = Safetensors.open(file)) {
            assertFalse(Safetensors.isAligned(read.require("odd", count)));
            read.requireFinite("odd");
        }
        Tensor values = Tensor.of(java.lang.foreign.MemorySegment.ofArray(new byte[count * type.bytes()]), type, count);
        for (long i = 0; i < count; i++) {
            values.set(i, i % 2 == 0 ? 1.5f + i % 7 : -60000);
        }
        long[] places = {0, 1, 7, piece - 1, piece, part - 1, part, count - 4, count - 1};
        float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (int p = 0; p < places.length; p++) {
            float good = values.get(places[p]);
            values.set(places[p], bad[p % 3]);
            try (var channel = java.nio.channels.FileChannel.open(file, java.nio.file.StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.wrap(values.segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)), 8 + header.length());
            }
            try (var read = Safetensors.open(file)) {
                String sentence = assertThrows(InputException.class, () -> read.requireFinite("odd")).getMessage();
                assertTrue(sentence.startsWith(file + ": tensor odd holds " + bad[p % 3] + " at index " + places[p] + ";"), sentence);
            }
            values.set(places[p], good);
        }
    }

    /** A copy equals what the map shows, value by value, in each type; an interrupt that is for somebody else does not spoil it. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void aCopyIsReadAsTheMapShowsIt(DType type) {
        int count = (17 << 20) / type.bytes() + 1;
        Tensor stored = Tensor.of(java.lang.foreign.MemorySegment.ofArray(new byte[count * type.bytes()]), type, count);
        for (int i = 0; i < count; i++) {
            stored.set(i, (i % 2003 - 1001) * 0.37f);
        }
        Path file = folder.resolve("model.safetensors");
        Safetensors.write(file, new LinkedHashMap<>(Map.of("w", stored)), Map.of());
        try (var read = Safetensors.open(file)) {
            Thread.currentThread().interrupt();
            for (DType wanted : new DType[] {DType.F32, DType.BF16, DType.F16}) {
                Tensor copy = Tensor.of(java.lang.foreign.MemorySegment.ofArray(new byte[count * wanted.bytes()]), wanted, count);
                Tensor expected = Tensor.of(java.lang.foreign.MemorySegment.ofArray(new byte[wanted.bytes()]), wanted, 1);
                read.read("w", copy);
                for (int i = 0; i < count; i++) {
                    expected.set(0, stored.get(i));
                    assertEquals(expected.get(0), copy.get(i), type + " to " + wanted + " at " + i);
                }
            }
        } finally {
            assertTrue(Thread.interrupted());
        }
    }

    @Test
    void filesShorterThanTheHeaderLengthOrMissingAreRefused() throws IOException {
        Path file = folder.resolve("short");
        Files.write(file, new byte[5]);
        assertTrue(assertThrows(InputException.class, () -> Safetensors.open(file)).getMessage().contains("5 bytes"));
        assertTrue(assertThrows(InputException.class, () -> Safetensors.open(folder.resolve("none")))
                .getMessage()
                .contains("no such file"));
        assertTrue(assertThrows(InputException.class, () -> Safetensors.open(folder)).getMessage().contains("is a folder"));
    }

    @Test
    void wrongShapesTypesAndNamesAreRefused() throws IOException {
        Path file = file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"q\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[8,10]}}", 10);
        try (var read = Safetensors.open(file)) {
            assertTrue(assertThrows(InputException.class, () -> read.require("a", 3)).getMessage().contains("[2]"));
            assertTrue(assertThrows(InputException.class, () -> read.require("b", 3)).getMessage().contains("no tensor b"));
            assertTrue(assertThrows(InputException.class, () -> read.require("q", 2)).getMessage().contains("I8"));
        }
    }

    @Test
    void bf16RoundsToNearestEvenAndKeepsNaN() {
        assertEquals(1.0f, DType.bf16ToFloat(DType.floatToBf16(1.00390625f)), "a tie goes to the even neighbour");
        assertEquals(1.015625f, DType.bf16ToFloat(DType.floatToBf16(1.01171875f)), "a tie goes to the even neighbour");
        assertTrue(Float.isNaN(DType.bf16ToFloat(DType.floatToBf16(Float.intBitsToFloat(0x7f800001)))));
        assertEquals(Float.POSITIVE_INFINITY, DType.bf16ToFloat(DType.floatToBf16(Float.MAX_VALUE)));
        assertFalse(Float.isNaN(DType.bf16ToFloat(DType.floatToBf16(-0f))));
    }
}
