#!/usr/bin/env bash
# Measures decoding, the engine, transformers and llama.cpp one after the other in one run: random models of Pythia's shapes in bf16, batch 1, greedy.
#
#     bench/decode.sh [--record NAME]
#
# --record NAME  writes what is printed to bench/results/NAME.md too, under the command
# PYTHON         a python with torch and transformers (default: python3); where there is none these peers are skipped, with the reason
# LLAMA          a folder where node-llama-cpp is installed (default: a temporary one, into which npm installs it); without node it is skipped
# JAVA           a java (default: java)
# THREADS        of everything that is measured (default: all cores)
# REPETITIONS    of everything that is measured, after one that is not kept (default: 3)
# PAIRS          targets and drafts (default: 160m-31m 410m-70m 1.4b-160m)
# TMPDIR         where the models for llama.cpp are written, 2.8 GB at most, one at a time
#
# Settings: 128 tokens (1.4b: 64) after 128, and prompts of 512; 5 drafted tokens a step, accepted at the rate 0.8. Run it on an idle machine; on 2
# cores it takes 8 minutes (a machine of 30 GB/s: 20) and 4 GB of memory.
set -euo pipefail
command="bench/decode.sh $*"
cd "$(dirname "$0")/.."

record=
if [ $# -gt 0 ]; then
    if [ "$1" != --record ] || [ $# -ne 2 ]; then
        echo "error: $command: the only option is --record NAME" >&2
        exit 2
    fi
    record="bench/results/$2.md"
    mkdir -p bench/results
fi
python=${PYTHON:-python3}
java=${JAVA:-java}
jar=target/adaspec-engine.jar
threads=${THREADS:-$(nproc)}
repetitions=${REPETITIONS:-3}
if [ ! -f "$jar" ]; then
    echo "error: there is no $jar; build it first: mvn -q package -DskipTests" >&2
    exit 1
fi
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

torch=1
if ! "$python" -c 'import torch, transformers' 2> "$work/log"; then
    torch=
    echo "transformers: skipped, $python cannot import it ($(tail -n 1 "$work/log")); PYTHON=/path/to/python says another" >> "$work/failed"
fi
llama=${LLAMA:-$work/llama}
if ! "$python" -c 'import numpy' 2> "$work/log"; then
    llama=
    echo "llama.cpp: skipped, $python has no numpy to write its models with" >> "$work/failed"
elif ! command -v node > "$work/log"; then
    llama=
    echo "llama.cpp: skipped, there is no node" >> "$work/failed"
elif [ -z "${LLAMA:-}" ]; then
    echo "llama.cpp: npm install node-llama-cpp" >&2
    # The optional packages are binaries for every kind of machine; one is enough.
    if ! npm install --prefix "$llama" --no-audit --no-fund --ignore-scripts --omit=optional \
            node-llama-cpp@3.22.1 "@node-llama-cpp/linux-$(uname -m | sed 's/x86_64/x64/;s/aarch64/arm64/')@3.22.1" > "$work/log" 2>&1; then
        llama=
        echo "llama.cpp: skipped, npm failed: $(grep -m 1 -i error "$work/log")" >> "$work/failed"
    fi
fi

# measured SETTING WHO COMMAND...: runs a peer, its JSON to $work; one that fails is said and left out.
measured() {
    local setting=$1 who=$2
    shift 2
    echo "$who: $setting" >&2
    if ! "$@" --output-json "$work/$setting.$who.json" > "$work/out" 2> "$work/log"; then
        echo "$setting, $who: failed: $(tail -n 1 "$work/log")" | tee -a "$work/failed" >&2
    fi
}

# measure PAIR NEW: all of one pair of shapes, NEW tokens after 128.
measure() {
    local pair=$1 target=${1%-*}
    local same=(--context 128 --max-new-tokens "$2" --prefill 512 --repetitions "$repetitions" --threads "$threads")
    local speculation=(--synthetic-acceptance 0.8 --num-speculative-tokens 5)
    echo "engine: $pair" >&2
    if ! "$java" -jar "$jar" bench decode --shape "$pair" --precision bf16 "${same[@]}" "${speculation[@]}" --output-json "$work/$pair.ours.json" \
            > "$work/$pair.txt" 2> "$work/log"; then
        cat "$work/log" "$work/$pair.txt" >&2
        exit 1
    fi
    if [ -n "$torch" ]; then
        measured "$pair" transformers "$python" bench/peers/decode.py --shape "$pair" --precision bf16 "${same[@]}" "${speculation[@]}"
    fi
    if [ -n "$llama" ]; then
        "$python" bench/peers/gguf.py --shape "$target" --output "$work/model.gguf"
        measured "$pair" llama_cpp node bench/peers/llama.mjs --package "$llama" --model "$work/model.gguf" --name "$target bf16" "${same[@]}"
        rm "$work/model.gguf"
    fi
}

report() {
    echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), $threads threads; $("$java" -jar "$jar" --version)"
    [ ! -f "$work/failed" ] || cat "$work/failed"
    "$python" bench/peers/decode_table.py "$work"
    for pair in "${pairs[@]}"; do
        echo
        cat "$work/$pair.txt"
    done
}

read -ra pairs <<< "${PAIRS:-160m-31m 410m-70m 1.4b-160m}"
for pair in "${pairs[@]}"; do
    case $pair in
        1.4b-*) measure "$pair" 64 ;;
        *) measure "$pair" 128 ;;
    esac
done
report > "$work/report"
cat "$work/report"
if [ -n "$record" ]; then
    { echo "# Decoding on $(nproc) cores"; echo; echo "    $command"; echo; echo '```'; cat "$work/report"; echo '```'; } > "$work/record"
    mv "$work/record" "$record"
    echo "written to $record" >&2
fi
