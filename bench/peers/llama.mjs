// llama.cpp on a GGUF file, through node-llama-cpp: plain decoding and prefill, measured as `adaspec-engine bench decode` measures its own.
//
//     node bench/peers/llama.mjs --package FOLDER --model F [--name N] [--threads N] [--context N] [--max-new-tokens N] [--prefill N]
//                                [--repetitions N] [--output-json F]
//     node bench/peers/llama.mjs --package FOLDER --model F --ids 5,6,7 [--max-new-tokens N]
//
// FOLDER has node_modules/node-llama-cpp (npm install node-llama-cpp). With --ids the greedy continuation of these ids is printed and nothing is
// measured. The weights are read into memory, as PyTorch and the engine have random ones, not mapped: the faster of the two here.
import {createRequire} from "node:module";
import {readFileSync, writeFileSync} from "node:fs";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const defaults = {threads: "2", context: "128", "max-new-tokens": "128", prefill: "512", repetitions: "3", mmap: "off"};
const known = [...Object.keys(defaults), "package", "model", "name", "ids", "output-json"];
const options = {...defaults};
for (let i = 2; i < process.argv.length; i += 2) {
    const name = process.argv[i].replace(/^--/, "");
    if (!process.argv[i].startsWith("--") || !known.includes(name) || i + 1 === process.argv.length) {
        console.error(`error: ${process.argv[i]} is not an option with a value; one of --${known.join(", --")} was expected`);
        process.exit(2);
    }
    options[name] = process.argv[i + 1];
}
const number = (name) => Number.parseInt(options[name], 10);

// llama.cpp's own clock: milliseconds and steps of one token so far, from what it logs.
const clock = {milliseconds: 0, steps: 0};
function hear(level, message) {
    const found = /\beval time =\s*([\d.]+) ms \/\s*(\d+) runs/.exec(message);
    if (found !== null) {
        Object.assign(clock, {milliseconds: Number(found[1]), steps: Number(found[2])});
    } else if (level === LlamaLogLevel.error || level === LlamaLogLevel.fatal) {
        console.error(message);
    }
}

const library = createRequire(join(resolve(options.package), "index.js")).resolve("node-llama-cpp");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(library));
const llama = await getLlama({
    gpu: false, build: "never", usePrebuiltBinaries: true, progressLogs: false, skipDownload: true, logLevel: LlamaLogLevel.info,
    maxThreads: number("threads"), logger: hear,
});
const useMmap = options.mmap === "on";
const model = await llama.loadModel({modelPath: resolve(options.model), useMmap, checkTensors: false});
const room = Math.max(number("context") + number("max-new-tokens"), number("prefill")) + 8;
const context = await model.createContext({
    contextSize: room, batchSize: 512, performanceTracking: true, threads: {ideal: number("threads"), min: number("threads")}, sequences: 1,
});
const sequence = context.getSequence();

/** Greedy ids after `prompt`, all of whose tokens but the last were read before the clock starts. */
async function decode(prompt, count) {
    await sequence.clearHistory();
    if (prompt.length > 1) {
        await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(0, -1));
    }
    await context.printTimings();
    const before = {...clock};
    const ids = [];
    const start = performance.now();
    for await (const id of sequence.evaluate(prompt.slice(-1), {temperature: 0, yieldEogToken: true})) {
        ids.push(id);
        if (ids.length === count) {
            break;
        }
    }
    const seconds = (performance.now() - start) / 1000;
    await context.printTimings();
    return {ids, seconds, rate: 1000 * (clock.steps - before.steps) / (clock.milliseconds - before.milliseconds)};
}

async function prefill(prompt) {
    await sequence.clearHistory();
    const start = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(prompt);
    return (performance.now() - start) / 1000;
}

function measurement(name, rates) {
    const sorted = rates.toSorted((a, b) => a - b);
    const median = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
    const version = JSON.parse(readFileSync(join(library, "..", "..", "package.json"), "utf8")).version;
    const release = JSON.parse(readFileSync(join(library, "..", "..", "llama", "llama.cpp.info.json"), "utf8")).tag;
    return {
        name: `decode: ${name}`, shape: options.name ?? options.model, value: median, unit: "tokens/s", min: sorted[0], median, max: sorted.at(-1),
        peak_share: null, device: `cpu, ${context.currentThreads} threads, llama.cpp ${release} of node-llama-cpp ${version}`,
    };
}

if (options.ids !== undefined) {
    console.log(JSON.stringify((await decode(options.ids.split(",").map(Number), number("max-new-tokens"))).ids));
} else {
    const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
    const ids = Array.from({length: Math.max(number("context"), number("prefill"))}, (_, i) => (i * 7919 + 11) % vocabulary);
    const text = ids.slice(0, number("context"));
    const count = number("max-new-tokens");
    const plain = [];
    const inside = [];
    const reading = [];
    for (let i = -1; i < number("repetitions"); i++) {
        const prefillSeconds = await prefill(ids.slice(0, number("prefill")));
        const decoded = await decode(text, count);
        if (decoded.ids.length !== count) {
            throw new Error(`${decoded.ids.length} tokens instead of ${count}`);
        }
        if (i >= 0) { // the first is not kept
            reading.push(number("prefill") / prefillSeconds);
            plain.push(count / decoded.seconds);
            inside.push(decoded.rate);
            console.error(`repetition ${i + 1} of ${options.repetitions}: plain ${plain.at(-1).toFixed(1)} tokens/s`);
        }
    }
    const measured = [measurement("plain", plain), measurement("plain, own clock", inside), measurement("prefill", reading)];
    for (const m of measured) {
        console.log(`${m.name.padEnd(26)} ${m.shape} ${m.value.toFixed(1)} ${m.unit} (${m.min.toFixed(1)} to ${m.max.toFixed(1)}), ${m.device}`);
    }
    if (options["output-json"] !== undefined) {
        writeFileSync(options["output-json"], JSON.stringify(measured, null, 1) + "\n");
    }
}
await llama.dispose();
