package adaspec.cli;

import adaspec.common.InputException;
import adaspec.engine.Engine;
import adaspec.text.Prompt;
import java.nio.file.Path;
import java.util.List;

/** Prompts that an engine can continue; one that it cannot is found before any work is done, and named by file and line. */
final class Prompts {
    private Prompts() {}

    /** The prompts of a file of {@code {"prompt"}} a line. */
    static List<Prompt> read(Path file, Engine engine) {
        List<Prompt> prompts = Prompt.readFile(file, engine.requireTokenizer());
        prompts.forEach(prompt -> requireFits(prompt, engine));
        return prompts;
    }

    static Prompt requireFits(Prompt prompt, Engine engine) {
        if (prompt.ids().length > engine.positions()) {
            String where = prompt.file() == null ? "the prompt" : prompt.file() + " line " + prompt.line() + ": the prompt";
            throw new InputException(
                    where + " has " + prompt.ids().length + " tokens but the target has " + engine.positions() + " positions; shorten the prompt");
        }
        return prompt;
    }
}
