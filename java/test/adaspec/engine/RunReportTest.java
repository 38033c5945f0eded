package adaspec.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import adaspec.common.Json;
import adaspec.decode.Sampling;
import adaspec.decode.Speculation;
import adaspec.eval.Evaluator;
import adaspec.report.Page;
import adaspec.tensor.DType;
import adaspec.text.Tokenizer;
import adaspec.train.Selection;
import adaspec.train.TrainingOptions;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

/** report.html of whole runs on tiny models, read by an XML parser and compared with the other files of the run. */
class RunReportTest {
    @TempDir
    private static Path models;

    @TempDir
    private static Path runs;

    private static Page adaspec;
    private static Page distillspec;

    @BeforeAll
    static void run() throws IOException {
        ModelDirectories.write(models.resolve("target"), 2, 1, DType.F32);
        ModelDirectories.write(models.resolve("draft"), 1, 2, DType.BF16);
        var lines = new StringBuilder();
        for (int i = 0; i < 24; i++) {
            String text = "<script>" + i + "</script> & \"" + i * i + "\" caf\u00e9";
            lines.append(Json.MAPPER.createObjectNode().put("text", text)).append('\n');
        }
        Files.writeString(models.resolve("train.jsonl"), lines);
        try (Backend backend = Backend.open("reference", 1)) {
            builder("a<b>&c").build().run(backend);
            builder("distillspec").method(Method.DISTILLSPEC).build().run(backend);
        }
        adaspec = page("a<b>&c");
        distillspec = page("distillspec");
    }

    private static Distiller.Builder builder(String output) {
        return Distiller.builder()
                .target(models.resolve("target"))
                .draft(models.resolve("draft"))
                .trainFiles(List.of(models.resolve("train.jsonl")))
                .training(TrainingOptions.builder().batchSize(4).maxSteps(6).loggingSteps(1).evalSteps(2).learningRate(2e-3).build())
                .selection(new Selection(0.3, Selection.Scope.MICRO_BATCH))
                .evaluation(new Evaluator.Settings(Sampling.greedy(8), Speculation.of(3), true))
                .output(runs.resolve(output));
    }

    private static Page page(String run) throws IOException {
        return Page.parse(Files.readString(runs.resolve(run).resolve("report.html")));
    }

    private static JsonNode results(String run) {
        return Json.readFile(runs.resolve(run).resolve("all_results.json"));
    }

    private static String rate(JsonNode value) {
        return value.isNull() ? "-" : String.format(Locale.ROOT, "%.4f", value.asDouble());
    }

    @Test
    void acceptanceIsThatOfAllResults() {
        for (String run : List.of("a<b>&c", "distillspec")) {
            Page page = run.equals("distillspec") ? distillspec : adaspec;
            JsonNode measured = results(run).get("acceptance");
            for (String name : List.of("untrained", "reference", "draft")) {
                String shown = !name.equals("draft") ? name : run.equals("distillspec") ? "DistillSpec" : "AdaSPEC";
                JsonNode a = measured.get(name);
                // The draft's table of acceptances is the first that has a row of that name; training has a stage "reference".
                List<List<String>> rows = page.rows(shown).stream().filter(row -> row.size() == 7).toList();
                if (a.isNull()) {
                    assertEquals(List.of(), rows);
                    continue;
                }
                assertEquals(
                        List.of(
                                rate(a.get("alpha")),
                                "[" + rate(a.get("alpha_ci95").get(0)) + ", " + rate(a.get("alpha_ci95").get(1)) + "]",
                                rate(a.get("expected_acceptance")),
                                String.format(Locale.ROOT, "%.3f", a.get("mean_acceptance_length").asDouble()),
                                String.format(Locale.ROOT, "%.1f", a.get("plain_tokens_per_second").asDouble()),
                                String.format(Locale.ROOT, "%.1f", a.get("speculative_tokens_per_second").asDouble()),
                                String.format(Locale.ROOT, "%.2fx", a.get("speedup").asDouble())),
                        rows.getFirst());
                double before = measured.get("untrained").get("alpha").asDouble();
                if (!name.equals("untrained")) {
                    assertEquals(
                            String.format(Locale.ROOT, "%+.4f", a.get("alpha").asDouble() - before),
                            page.rows(shown + " - untrained").getFirst().getFirst());
                }
                List<String> tips = Page.tips(page.figure("Steps by the number of accepted tokens"));
                for (int j = 0; j < 4; j++) {
                    double share = a.get("acceptance_histogram").get(j).asDouble() / a.get("num_spec_steps").asDouble();
                    String tip = String.format(Locale.ROOT, "%s, accepted tokens of a step %d: %.1f %%", shown, j, 100 * share);
                    assertTrue(tips.contains(tip), tip + " in " + tips);
                }
            }
        }
    }

    @Test
    void stagesAndCurvesAreThoseOfTheRun() throws IOException {
        JsonNode stages = results("a<b>&c").get("stages");
        assertEquals(2, stages.size());
        for (JsonNode stage : stages) {
            List<String> row = adaspec.rows(stage.get("name").asText()).stream().filter(r -> r.size() == 4).findFirst().orElseThrow();
            assertEquals(stage.get("steps").asText(), row.get(0));
            assertEquals(String.format(Locale.ROOT, "%,d", stage.get("tokens").asLong()), row.get(1));
            assertEquals(String.format(Locale.ROOT, "%,.0f", stage.get("tokens_per_second").asDouble()), row.get(3));
        }
        // Every logged number of the key is a point of the chart, in order, to four digits.
        requireCurve(adaspec, "a<b>&c", "Expected acceptance", "training", "train/expected_acceptance", 0, "reference");
        requireCurve(adaspec, "a<b>&c", "Expected acceptance", "held out", "eval/expected_acceptance", 1, "selective");
        requireCurve(adaspec, "a<b>&c", "Loss", "as optimised", "train/loss", 1, "selective");
        requireCurve(adaspec, "a<b>&c", "KL to the target, all answer tokens", "reference", "train/kl_ref", 0, "selective");
        requireCurve(adaspec, "a<b>&c", "KL to the target, all answer tokens", "draft", "train/kl_draft", 0, "selective");
        requireCurve(adaspec, "a<b>&c", "Kept share of the answer tokens", "kept", "train/selected_fraction", 0, "selective");
        requireCurve(adaspec, "a<b>&c", "Learning rate", "learning rate", "train/learning_rate", 0, "reference");
        requireCurve(distillspec, "distillspec", "Loss", "as optimised", "train/loss", 0, "distillspec");
    }

    /** @param nth among the figures of that caption: one for each stage that has it */
    private static void requireCurve(Page page, String run, String caption, String series, String key, int nth, String stage) throws IOException {
        Element figure = page.named("figure").stream()
                .filter(f -> f.getElementsByTagName("figcaption").item(0).getTextContent().equals(caption))
                .toList()
                .get(nth);
        List<String> shown = Page.tips(figure).stream().filter(tip -> tip.startsWith(series + ", step ")).toList();
        List<JsonNode> logged = new ArrayList<>();
        for (String line : Files.readAllLines(runs.resolve(run).resolve("metrics.jsonl"))) {
            JsonNode node = Json.parse(line, "metrics");
            if (node.get("stage").asText().equals(stage) && node.has(key)) {
                logged.add(node);
            }
        }
        assertTrue(logged.size() >= 2, "nothing to compare of " + key);
        assertEquals(logged.size(), shown.size(), caption + " of " + stage);
        for (int i = 0; i < shown.size(); i++) {
            String[] parts = shown.get(i).substring((series + ", step ").length()).split(": ");
            assertEquals(logged.get(i).get("step").asDouble(), Double.parseDouble(parts[0]));
            double value = logged.get(i).get(key).asDouble();
            assertEquals(value, Double.parseDouble(parts[1]), 5.1e-4 * Math.abs(value), shown.get(i));
        }
    }

    @Test
    void gapsOfTheTextsAreThoseOfTheSelectCommand() throws IOException {
        var tokenizer = Tokenizer.load(models.resolve("target"));
        List<Element> boxes = adaspec.styled("tokens");
        assertEquals(6, boxes.size());
        // Three texts before training, the same three after it; each is one whole sample of the training file.
        var ids = new StringBuilder();
        for (Element box : boxes.subList(0, 3)) {
            String text = box.getTextContent().replace("\u22ef", "");
            assertTrue(Files.readString(models.resolve("train.jsonl")).contains(
                    Json.MAPPER.createObjectNode().put("text", text.replace("<|endoftext|>", "")).toString()), text);
            ids.append(Arrays.toString(tokenizer.encode(text, false).ids())).append('\n');
        }
        Path file = Files.writeString(models.resolve("ids.jsonl"), ids);
        Path run = runs.resolve("a<b>&c");
        for (int moment = 0; moment < 2; moment++) {
            Path draft = moment == 0 ? models.resolve("draft") : run;
            try (Backend backend = Backend.open("reference", 1)) {
                SelectionInspection.run(
                        new SelectionInspection.Request(
                                models.resolve("target"), draft, run.resolve("reference"), file, null, new Selection(0.3, Selection.Scope.BATCH)),
                        backend,
                        models.resolve("gaps.jsonl"));
            }
            List<String> inspected = Files.readAllLines(models.resolve("gaps.jsonl"));
            for (int s = 0; s < 3; s++) {
                requireGaps(boxes.get(3 * moment + s), Json.parse(inspected.get(s), "gaps"));
            }
        }
    }

    private static void requireGaps(Element box, JsonNode inspected) {
        Pattern numbers = Pattern.compile("(kept|not kept): gap (\\S+) = draft (\\S+) - reference (\\S+) nats; token (?s:.*)");
        List<Element> tokens = new ArrayList<>();
        for (var child = box.getFirstChild(); child != null; child = child.getNextSibling()) {
            if (child instanceof Element e && e.hasAttribute("title")) {
                tokens.add(e);
            }
        }
        assertEquals(inspected.get("gap").size(), tokens.size());
        for (int i = 0; i < tokens.size(); i++) {
            Matcher m = numbers.matcher(tokens.get(i).getAttribute("title"));
            assertTrue(m.matches(), tokens.get(i).getAttribute("title"));
            assertEquals(m.group(1).equals("kept"), tokens.get(i).getTagName().equals("b"));
            String[] keys = {"gap", "kl_draft", "kl_ref"};
            for (int k = 0; k < keys.length; k++) {
                double value = inspected.get(keys[k]).get(i).asDouble();
                // Four digits are shown; batches and single sequences sum in f32 in other orders.
                assertEquals(value, Double.parseDouble(m.group(2 + k)), 5.1e-4 * Math.abs(value) + 1e-5, keys[k]);
            }
        }
    }

    @Test
    void theKeptShareIsThatOfTheSelection() throws IOException {
        Element figure = adaspec.figure("Gaps in the first batch of the selective stage");
        Pattern counts = Pattern.compile(".*: ([\\d,]+) tokens, ([\\d,]+) kept");
        long tokens = 0;
        long kept = 0;
        for (String tip : Page.tips(figure).stream().distinct().toList()) {
            Matcher m = counts.matcher(tip);
            assertTrue(m.matches(), tip);
            tokens += Long.parseLong(m.group(1).replace(",", ""));
            kept += Long.parseLong(m.group(2).replace(",", ""));
        }
        // The first step of the stage saw this batch with this draft; a near tie may fall to the other side, as training rounds otherwise.
        assertTrue(tokens > 100 && kept >= 0.3 * tokens - 1 && kept < tokens, kept + " of " + tokens);
        JsonNode step = Files.readAllLines(runs.resolve("a<b>&c/metrics.jsonl")).stream()
                .map(line -> Json.parse(line, "metrics"))
                .filter(line -> line.get("stage").asText().equals("selective") && line.get("step").asInt() == 1)
                .findFirst()
                .orElseThrow();
        assertEquals(step.get("train/selected_fraction").asDouble() * tokens, kept, 1.5);
    }

    @Test
    void withoutAReferenceThereAreNoGaps() {
        assertEquals(0, distillspec.styled("tokens").size());
        assertTrue(distillspec.named("h2").stream().noneMatch(h -> h.getTextContent().contains("filter")));
        assertTrue(distillspec.named("figcaption").stream().noneMatch(f -> f.getTextContent().contains("ap, mean")));
        assertEquals(List.of("none"), distillspec.rows("reference").getLast());
    }

    @Test
    void thePageNeedsNothingElseAndRunsNothing() throws IOException {
        for (String run : List.of("a<b>&c", "distillspec")) {
            Page page = page(run);
            List<String> names = List.of("script", "link", "img", "iframe", "object", "embed", "base", "use", "image", "a", "form");
            assertEquals(List.of(), page.find(e -> names.contains(e.getTagName())));
            for (Element e : page.find(e -> true)) {
                for (int i = 0; i < e.getAttributes().getLength(); i++) {
                    String name = e.getAttributes().item(i).getNodeName();
                    assertFalse(name.startsWith("on") || name.equals("style") || name.endsWith("href") || name.equals("src"), name);
                }
            }
            String css = page.named("style").getFirst().getTextContent();
            assertFalse(css.contains("url(") || css.contains("@import"), "the style sheet fetches something");
            assertFalse(Files.readString(runs.resolve(run).resolve("report.html")).contains("://"), "the page names an address");
            // What a picture shows is told in words, too.
            for (Element svg : page.named("svg")) {
                assertEquals("img", svg.getAttribute("role"));
                assertFalse(svg.getAttribute("aria-label").isBlank());
            }
        }
        assertEquals("Distillation with AdaSPEC: a<b>&c", adaspec.named("h1").getFirst().getTextContent());
    }

    @Test
    void theSettingsAreTold() {
        assertEquals(List.of("adaspec"), adaspec.rows("method").getFirst());
        assertEquals(List.of("0.3"), adaspec.rows("k").getFirst());
        assertEquals(List.of("micro-batch"), adaspec.rows("selection-scope").getFirst());
        String selective = adaspec.rows("selective stage").getFirst().getFirst();
        assertTrue(selective.contains("1 x 13 samples a step"), selective);
        assertTrue(adaspec.rows("trained on").getFirst().getFirst().startsWith("23 samples, "));
        assertTrue(adaspec.rows("target").getFirst().getFirst().contains(models.resolve("target").toString()));
        assertEquals(List.of(), distillspec.rows("k"));
    }
}
