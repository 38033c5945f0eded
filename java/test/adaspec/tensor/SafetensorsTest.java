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
