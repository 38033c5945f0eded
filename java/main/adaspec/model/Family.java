package adaspec.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;

/**
 * A family of models as Hugging Face publishes it: how its config.json becomes an {@link Architecture}, and what its tensors are called.
 * Adding a family is one implementation and one line in {@link #ALL}; see the README.
 */
interface Family {
    /** The families this engine knows, by {@code model_type}. */
    Map<String, Family> ALL = Map.of("gpt_neox", new GptNeoX(), "llama", new Llama(), "qwen2", new Qwen2());

    /** The architecture that {@code config} describes. */
    Architecture architecture(ConfigReader config);

    /**
     * For each canonical name the names its tensor may have in a file. The first is the one written; the others are read too.
     */
    Map<String, List<String>> tensorNames(Architecture architecture);

    /** Completes a config.json that is about to be written so that transformers 4 and 5 read the same model from it. */
    void complete(ObjectNode config, Architecture architecture);
}
