#!/usr/bin/env bash
# The default pair over several seeds: AdaSPEC, DistillSpec at equal steps and at equal tokens, and AdaSPEC in bf16.
#
#   mvn -q package -DskipTests
#   bench/experiment/default.sh [OUTPUT]      OUTPUT (default build/default) is resumable by run
#
# Equal steps: the reference stage of an AdaSPEC run is DistillSpec with the same batches and steps, bit for bit. Equal tokens: DistillSpec with the
# selective stage's batches of round(B/k) and E/k epochs, so as many optimiser steps and as many tokens as AdaSPEC's selective stage.
# Settings by environment: SEEDS (0 1 2) ARMS (adaspec equal-tokens bf16), JOBS (2) runs at a time with one thread each, so that times and speeds are
# rough, and EXTRA, more options of every run.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-build/default}
read -ra seeds <<< "${SEEDS:-0 1 2}"
read -ra arms <<< "${ARMS:-adaspec equal-tokens bf16}"
read -ra extra <<< "${EXTRA:-}"
mkdir -p "$work"

# B and E of the run without options: 16, and what default.json says.
epochs=$(sed -n 's/.*"num-train-epochs": *"\{0,1\}\([0-9.]*\).*/\1/p' weights/default/default.json)
options() {
    case $1 in
        adaspec) ;;
        equal-tokens) echo --method distillspec --per-device-train-batch-size 40 --num-train-epochs "$(awk "BEGIN { print $epochs / 0.4 }")" ;;
        bf16) echo --precision bf16 ;;
        *) echo "no arm is called $1; adaspec, equal-tokens and bf16 are" >&2; exit 2 ;;
    esac
}

one() { # one ARM SEED: unless it is there
    local run=$work/$1-$2 own begin=$SECONDS cache=$work/cache-f32
    [ "$1" = bf16 ] && cache=$work/cache-bf16
    [ -f "$run.txt" ] && return
    rm -rf "$run"
    read -ra own <<< "$(options "$1")"
    java -jar target/adaspec-engine.jar distill --threads 1 --teacher-cache "$cache" --seed "$2" "${own[@]}" "${extra[@]}" \
        --output-dir "$run" > "$run.partial" 2> "$run.log"
    echo "$((SECONDS - begin)) s" >> "$run.partial"
    mv "$run.partial" "$run.txt"
}

# The first run of a precision leaves its teacher cache to the others.
one "${arms[0]}" "${seeds[0]}" &
if [[ " ${arms[*]} " == *" bf16 "* ]]; then
    one bf16 "${seeds[0]}" &
fi
wait
for seed in "${seeds[@]}"; do
    for arm in "${arms[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do
            wait -n
        done
        one "$arm" "$seed" &
    done
done
wait

for seed in "${seeds[@]}"; do
    for arm in "${arms[@]}"; do
        echo "== $arm, seed $seed"
        cat "$work/$arm-$seed.txt"
    done
done

# alpha SEED ARM DRAFT
alpha() {
    awk -v draft="\"$3\"" '
        $1 == draft { inside = 1 }
        inside && $1 == "\"alpha\"" { gsub(/[^0-9.eE-]/, "", $3); print $3; exit }' "$work/$2-$1/all_results.json"
}
# difference NAME ARM DRAFT ARM DRAFT: the mean over seeds of the paired difference, and Student's 95 % interval
difference() {
    for seed in "${seeds[@]}"; do
        echo "$(alpha "$seed" "$2" "$3") $(alpha "$seed" "$4" "$5")"
    done | awk -v name="$1" '
        { d[NR] = $1 - $2; sum += d[NR]; each = each sprintf(" %+.4f", d[NR]) }
        END {
            split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " ")
            mean = sum / NR
            for (i = 1; i <= NR; i++) square += (d[i] - mean) ^ 2
            half = NR > 1 ? t[NR - 1] * sqrt(square / (NR - 1) / NR) : 0
            printf "%-44s %+.4f  95 %% interval over seeds [%+.4f, %+.4f]   each:%s\n", name, mean, mean - half, mean + half, each
        }'
}
echo "== alpha, differences over ${#seeds[@]} seeds"
has() { [[ " ${arms[*]} " == *" $1 "* ]]; }
if has adaspec; then
    difference "reference - untrained" adaspec reference adaspec untrained
    difference "AdaSPEC - DistillSpec at equal steps" adaspec draft adaspec reference
    has equal-tokens && difference "AdaSPEC - DistillSpec at equal tokens" adaspec draft equal-tokens draft
    has bf16 && difference "AdaSPEC in bf16 - in f32" bf16 draft adaspec draft
fi
