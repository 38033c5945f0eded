package adaspec.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import adaspec.TestData;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ids of the GPT-NeoX and GPT-2 tokenizers over every file of the real data: each file as one text, and line by line. */
class TokenizerCorpusTest {
    @ParameterizedTest
    @CsvSource({"20B, tokenizers/20B_tokenizer.json", "gpt2, tokenizers/gpt2.tokenizer.json"})
    void idsEqualTheLibrarys(String name, String file) throws Exception {
        Tokenizer tokenizer = Tokenizer.load(TestData.require(file));
        for (Map.Entry<String, JsonNode> golden : GoldenFiles.read("corpus.json").get("files").properties()) {
            Path path = TestData.require(golden.getKey());
            byte[] bytes = Files.readAllBytes(path);
            String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
            assertEquals(golden.getValue().get("file").asText(), hash, path + " is not the file that the golden values are of");
            if (path.toString().endsWith(".gz")) {
                bytes = new GZIPInputStream(new ByteArrayInputStream(bytes)).readAllBytes();
            }
            String text = new String(bytes, StandardCharsets.UTF_8);
            Encoding whole = tokenizer.encode(text, true);
            assertEquals(golden.getValue().get(name).get("whole").asText(), new GoldenFiles.Hash().add(whole.ids()).hex(), path + " as one text");
            GoldenFiles.Hash lines = new GoldenFiles.Hash();
            for (String line : text.split("\n", -1)) {
                lines.add(tokenizer.encode(line, true).ids()).add(-1);
            }
            assertEquals(golden.getValue().get(name).get("lines").asText(), lines.hex(), path + " line by line");
            if (Nfc.FORM.normalize(text).equals(text)) {
                assertArrayEquals(bytes, tokenizer.decode(whole.ids()).getBytes(StandardCharsets.UTF_8), path + " decoded");
            }
        }
    }
}
