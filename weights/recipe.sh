#!/usr/bin/env bash
# Trains the default target and draft from nothing, with this engine's own commands, and leaves them in weights/default.
#
#   mvn -q package -DskipTests && weights/recipe.sh
#
# Every step leaves a folder under build/weights and is skipped while that folder is there, so an interrupted run goes on where it stopped.
# Arguments become options of every training step, for instance --threads 2.
set -euo pipefail
cd "$(dirname "$0")/.."
jar=target/adaspec-engine.jar
work=build/weights
mkdir -p "$work"

step() { # step FOLDER COMMAND...: runs the command with its output in FOLDER.partial, then renames it
    local folder=$1
    shift
    if [ -d "$work/$folder" ]; then
        echo "== $folder is there"
        return
    fi
    echo "== $folder: $*"
    rm -rf "$work/$folder.partial"
    local begin=$SECONDS
    "$@" "$work/$folder.partial"
    mv "$work/$folder.partial" "$work/$folder"
    echo "== $folder took $((SECONDS - begin)) s" | tee -a "$work/times.txt"
}

adaspec() { java -jar "$jar" "$@"; }
source weights/java25.sh
# GSM8K's instruction, as it stands in every sample: the tokenizer should know it well.
instruction() {
    mkdir -p "$1"
    awk 'BEGIN { for (i = 0; i < 20000; i++) print "Answer the above question. First think step by step and then answer the final number. The final answer is:" }' > "$1/text.txt"
}
setting() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" weights/data-settings.json; }

step data java25 -cp "$jar" adaspec.text.problems.Generate --seed "$(setting seed)" --train "$(setting train)" --validation "$(setting validation)" --test "$(setting test)" --output
step instruction instruction
step tokenizer adaspec tokenizer train --files "$work/data/train.jsonl" "$work/instruction/text.txt" --vocab-size 1024 --output
train=(--train-file "$work/data/train.jsonl" --eval-file "$work/data/validation.jsonl" --dataset-format gsm8k --weight-decay 0.1
    --lr-scheduler-type cosine --warmup-ratio 0.02 --precision bf16 "$@")
# Every problem once: new problems teach more than repeated ones.
step target-0 adaspec init --config weights/target.config.json --tokenizer "$work/tokenizer" --seed 0 --output
step target-1 adaspec sft --model "$work/target-0" "${train[@]}" --num-train-epochs 1 --per-device-train-batch-size 16 --learning-rate 1e-3 --output-dir
# The draft: cross entropy over the whole mix for two epochs, so that distillation has something to beat. Large batches, that is few steps: trained with small
# ones on the very mix that it is then distilled on, a draft of this size is at its limit, and distillation has nothing left to give.
step draft-0 adaspec init --config weights/draft.config.json --tokenizer "$work/tokenizer" --seed 1 --output
step draft-1 adaspec sft --model "$work/draft-0" "${train[@]}" --num-train-epochs 2 --per-device-train-batch-size 256 --learning-rate 1e-3 --output-dir

default=weights/default
mkdir -p "$default"
for model in target-1:target draft-1:draft; do
    to="$default/${model#*:}"
    rm -rf "$to"
    mkdir -p "$to"
    for file in config.json model.safetensors tokenizer.json tokenizer_config.json; do
        cp "$work/${model%:*}/$file" "$to/$file"
    done
done
head -n "$(setting shipped)" "$work/data/train.jsonl" > "$default/train.jsonl"
cp "$work/data/test.jsonl" "$default/eval.jsonl"
(
    cd weights
    printf 'bytes\tsha256\tfile\n' > manifest.tsv
    find default -type f ! -name default.json | sort | while read -r file; do
        printf '%s\t%s\t%s\n' "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)" "$file" >> manifest.tsv
    done
)
echo "weights/default is complete; weights/manifest.tsv lists it"
