#!/usr/bin/env bash
# GSM8K from nothing on a processor: a tokenizer, a target of about 8 million parameters and a draft of about 0.4 million, distilled with AdaSPEC and
# with DistillSpec, measured on the test questions. Only this engine's own commands.
#
#   mvn -q package -DskipTests
#   bench/experiment/gsm8k.sh DATA [OUTPUT]      DATA holds train.jsonl and test.jsonl of GSM8K; OUTPUT (default build/gsm8k) is resumable by step
#
# Settings by environment: TARGET_EPOCHS (4) DRAFT_EPOCHS (4) EPOCHS (2: the distillation's) MAX_STEPS (none: caps each
# stage of the distillation) NUM_PROMPTS (200) SEED (0)
set -euo pipefail
data=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=${2:-build/gsm8k}
jar=$(pwd)/target/adaspec-engine.jar
mkdir -p "$work"
for file in train.jsonl test.jsonl; do
    [ -f "$data/$file" ] || { echo "there is no $data/$file; GSM8K's $file was expected" >&2; exit 1; }
done

adaspec() { java -jar "$jar" "$@"; }
step() { # step FOLDER COMMAND...: runs the command with FOLDER.partial as its last argument, then renames it
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
    echo "$folder $((SECONDS - begin)) s" | tee -a "$work/times.txt"
}

seed=${SEED:-0}
here=bench/experiment
# The tokenizer also sees the instruction that stands in every sample.
if [ ! -f "$work/instruction.txt" ]; then
    awk 'BEGIN { for (i = 0; i < 7473; i++) print "Answer the above question. First think step by step and then answer the final number. The final answer is:" }' > "$work/instruction.txt"
fi
step tokenizer adaspec tokenizer train --files "$data/train.jsonl" "$work/instruction.txt" --vocab-size 4096 --output
step target-0 adaspec init --config $here/target.config.json --tokenizer "$work/tokenizer" --seed "$seed" --output
step draft-0 adaspec init --config $here/draft.config.json --tokenizer "$work/tokenizer" --seed $((seed + 1)) --output

train=(--train-file "$data/train.jsonl" --dataset-format gsm8k --seed "$seed")
step target adaspec sft --model "$work/target-0" "${train[@]}" --num-train-epochs "${TARGET_EPOCHS:-4}" --learning-rate 1e-3 --output-dir
step draft adaspec sft --model "$work/draft-0" "${train[@]}" --num-train-epochs "${DRAFT_EPOCHS:-4}" --learning-rate 1e-3 --output-dir

pair=(--target "$work/target" --draft "$work/draft" "${train[@]}" --num-train-epochs "${EPOCHS:-2}" ${MAX_STEPS:+--max-steps "$MAX_STEPS"})
step adaspec adaspec distill "${pair[@]}" --method adaspec --output-dir
step distillspec adaspec distill "${pair[@]}" --method distillspec --output-dir

# One evaluation for all drafts, on test questions no stage has seen.
for draft in draft adaspec/reference adaspec distillspec; do
    name=eval-${draft//\//-}
    if [ ! -f "$work/$name.json" ]; then
        adaspec eval --target "$work/target" --draft "$work/$draft" --eval-file "$data/test.jsonl" --dataset-format gsm8k \
            --num-prompts "${NUM_PROMPTS:-200}" --max-new-tokens 128 --output-json "$work/$name.json" | tee "$work/$name.txt"
    fi
done

python3 - "$work" <<'EOF' 2>/dev/null || grep -H '"alpha"' "$work"/eval-*.json
import json, sys
work = sys.argv[1]
print(f"{'draft':<12} {'alpha':>7} {'95 % interval':>17} {'E[min(p,q)]':>12} {'tau':>6} {'speed-up':>9}")
for label, name in [("untrained", "draft"), ("reference", "adaspec-reference"), ("AdaSPEC", "adaspec"), ("DistillSpec", "distillspec")]:
    a = json.load(open(f"{work}/eval-{name}.json"))
    lo, hi = a["alpha_ci95"]
    print(f"{label:<12} {a['alpha']:>7.4f} [{lo:.4f}, {hi:.4f}] {a['expected_acceptance']:>12.4f} {a['mean_acceptance_length']:>6.3f} {a['speedup']:>8.2f}x")
EOF
