package adaspec.cli;

import adaspec.common.AtomicFile;
import adaspec.common.InputException;
import adaspec.common.Json;
import adaspec.text.JsonLines;
import adaspec.text.Tokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Texts to ids, or ids to texts, line by line. */
@picocli.CommandLine.Command(
        name = "tokenize",
        description = {"One JSON string a line becomes {\"ids\":[...]} a line, special tokens of the tokenizer's template included.",
                "With --decode the other way round: special tokens are kept, spaces stay as they are.", DeviceOptions.UNUSED},
        footerHeading = Command.EXAMPLE,
        footer = {"  echo '\"Hello, world\"' > texts.jsonl",
                "  " + Command.RUN + " tokenize --tokenizer models/draft --input-file texts.jsonl --output ids.jsonl"})
public final class TokenizeCommand extends Command {
    @Option(names = "--tokenizer", paramLabel = "DIR|FILE", required = true, description = "A tokenizer.json, or a folder with one.")
    private Path tokenizer;

    @Option(names = "--input-file", paramLabel = "F", required = true, description = "One JSON value a line.")
    private Path input;

    @Option(names = "--output", paramLabel = "O", required = true,
            description = "The file to write, a line for each line of the input; - for standard output.")
    private Path output;

    @Option(names = "--decode", description = "Read {\"ids\":[...]} and write JSON strings.")
    private boolean decode;

    @Mixin
    private DeviceOptions devices;

    @Override
    public Integer call() {
        devices.requireValid();
        requireApart(output, input, tokenizer);
        Tokenizer loaded = Tokenizer.load(tokenizer);
        int[] lines = new int[1];
        AtomicFile.write(place(output), channel -> {
            OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            try {
                lines[0] = JsonLines.read(input, JsonLines.Blank.REFUSE, (value, line, where) -> {
                    String result = decode ? decoded(value, loaded) : encoded(value, loaded);
                    try {
                        out.write((result + "\n").getBytes(StandardCharsets.UTF_8));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
            out.flush();
        });
        log().println("wrote " + place(output) + ": " + count(lines[0], "line"));
        return Main.OK;
    }

    private static String encoded(JsonNode value, Tokenizer tokenizer) {
        if (!value.isTextual()) {
            throw new InputException("a JSON string was expected");
        }
        StringBuilder line = new StringBuilder("{\"ids\":[");
        String separator = "";
        for (int id : tokenizer.encode(value.asText(), true).ids()) {
            line.append(separator).append(id);
            separator = ",";
        }
        return line.append("]}").toString();
    }

    private static String decoded(JsonNode value, Tokenizer tokenizer) {
        JsonNode list = value.get("ids");
        if (list == null || !list.isArray()) {
            throw new InputException("an object {\"ids\":[...]} was expected");
        }
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = list.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt()) {
                throw new InputException("ids[" + i + "] is " + id + "; an integer was expected");
            }
            ids[i] = id.intValue();
        }
        return Json.MAPPER.getNodeFactory().textNode(tokenizer.decode(ids)).toString();
    }
}
