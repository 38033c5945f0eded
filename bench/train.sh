#!/usr/bin/env bash
# Measures training, the engine and PyTorch one after the other in one run: whole steps of AdaSPEC's selective stage on random models.
#
#     bench/train.sh [--record NAME]
#
# --record NAME  writes what is printed to bench/results/NAME.md too, under the command
# PYTHON         a python with torch and transformers (default: python3); where there is none the peers are skipped, with the reason
# JAVA           a java (default: java)
# THREADS        of everything that is measured (default: all cores)
# EPOCH_STEPS    steps of an epoch where three epochs are measured (default: 2; more batches change the size of the cache, not the rate)
#
# Settings: f32, 70m -> 31m, 4 x 128 tokens; bf16, 160m -> 31m, 8 x 256 tokens; the latter for three epochs with the engine's teacher cache.
# The engine is measured before and after the peers. Run it on an idle machine; on one busy core it took 9 minutes.
set -euo pipefail
command="bench/train.sh $*"
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
epoch_steps=${EPOCH_STEPS:-2}
if [ ! -f "$jar" ]; then
    echo "error: there is no $jar; build it first: mvn -q package -DskipTests" >&2
    exit 1
fi
# Made for another library and another machine; the peers run as PyTorch comes.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
peers=1
if ! reason=$("$python" -c 'import torch, transformers' 2>&1 | tail -n 1); then
    peers=
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

runs=0
# ours SETTING WHO OPTIONS...: measures the engine; its table goes to $work too.
ours() {
    local setting=$1 who=$2
    shift 2
    runs=$((runs + 1))
    echo "engine: bench train $*" >&2
    if ! "$java" -jar "$jar" bench train --threads "$threads" "$@" --output-json "$work/$setting.$who.$runs.json" \
            > "$work/$setting.$who.txt" 2> "$work/log"; then
        cat "$work/log" >&2
        exit 1
    fi
}

# peer SETTING VARIANT OPTIONS...: measures PyTorch; a variant that fails is said and left out.
peer() {
    local setting=$1 variant=$2
    shift 2
    [ -n "$peers" ] || return 0
    runs=$((runs + 1))
    echo "PyTorch: train.py --variant $variant $*" >&2
    if ! "$python" bench/peers/train.py --threads "$threads" --variant "$variant" "$@" \
            --output-json "$work/$setting.$variant.$runs.json" > "$work/$setting.$variant.peer" 2> "$work/log"; then
        echo "PyTorch, $setting, $variant: failed: $(tail -n 1 "$work/log")" | tee -a "$work/failed" >&2
    fi
}

measure() {
    local f32=(--shape 70m-31m --batch 4 --length 128 --precision f32)
    ours f32 ours "${f32[@]}" --steps 10
    peer f32 published "${f32[@]}" --steps 4
    peer f32 eager "${f32[@]}" --steps 6
    peer f32 compile "${f32[@]}" --steps 6
    ours f32 ours "${f32[@]}" --steps 10

    local bf16=(--shape 160m-31m --batch 8 --length 256 --precision bf16)
    ours bf16 ours "${bf16[@]}" --steps 5
    ours bf16 cached "${bf16[@]}" --steps "$epoch_steps" --epochs 3 --teacher-cache memory
    # The published code remembers nothing: its three epochs are its steps.
    peer bf16 published "${bf16[@]}" --steps "$epoch_steps" --epochs 3
    peer bf16 eager "${bf16[@]}" --steps 3
    peer bf16 compile "${bf16[@]}" --steps 4
    ours bf16 ours "${bf16[@]}" --steps 5
    ours bf16 cached "${bf16[@]}" --steps "$epoch_steps" --epochs 3 --teacher-cache memory
}

report() {
    echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), $threads threads; $("$java" -jar "$jar" --version)"
    if [ -n "$peers" ]; then
        "$python" -c 'import torch, transformers; print("torch", torch.__version__ + ", transformers", transformers.__version__)'
        echo "OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are unset for the peers; in bf16 their drafts run under autocast beside f32 master weights"
        [ ! -f "$work/failed" ] || cat "$work/failed"
        echo
        "$python" bench/peers/table.py "$work"
        echo
        cat "$work"/*.peer
    else
        echo "PyTorch was skipped: $python cannot import torch and transformers ($reason); PYTHON=/path/to/python says another"
    fi
    for table in f32.ours bf16.ours bf16.cached; do
        echo
        cat "$work/$table.txt"
    done
}

measure
report > "$work/report"
cat "$work/report"
if [ -n "$record" ]; then
    { echo "# Training on $(nproc) cores"; echo; echo "    $command"; echo; echo '```'; cat "$work/report"; echo '```'; } > "$work/record"
    mv "$work/record" "$record"
    echo "written to $record" >&2
fi
