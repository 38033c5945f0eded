#!/usr/bin/env bash
# The experiment: does selecting tokens (AdaSPEC) make a better draft than distilling on all of them (DistillSpec), at budgets that are fair to both?
#
#   mvn -q package -DskipTests
#   bench/experiment/run.sh DATA [OPTIONS]
#
# DATA            folder with a folder for each task (train.jsonl, test.jsonl) and texts in DATA/text
# --state DIR     where everything is left (default: build/experiment, for --tiny build/experiment-tiny); what is there is not made again, a state of
#                 other settings or data is refused, and several at once may work on one, best each with its own --only
# --plan          says what would run, what is done and about how long the rest takes; only the data are prepared
# --only T[/ARM]  a task, or one arm of it, with what they need; may be given several times
# --minutes N     stops cleanly after N minutes, as SIGINT and SIGTERM do at once; the same command goes on, training from its checkpoint
# --render FILE   writes the page of results (FILE.md and its plots) from what is there, and stops
# --tiny          proves the command itself on made-up problems, in minutes: tiny models, no DATA
#
# By environment: JAR (target/adaspec-engine.jar), THREADS (all cores), TASKS, SEEDS of gsm8k and of the others.
#
# Every step is a command of the engine with its output in NAME.partial, renamed when it is done; times.tsv has the seconds of each and of its
# processors, log/ what it said.
# A seed is a draft (its initial weights and the order of its pretraining) and the order of the distillation's samples, so arms of a seed are pairs.
# The target is one per task. Settings are chosen on held-out training samples; a test file is read once by each finished draft.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
fail() { echo "error: $*" >&2; exit 2; }

data= state= plan= minutes= render= tiny= only=()
while [ $# -gt 0 ]; do
    case $1 in
        --state | --only | --minutes | --render)
            [ -n "${2:-}" ] || fail "$1 needs a value"
            case $1 in
                --state) state=$2 ;;
                --only) only+=("$2") ;;
                --minutes) minutes=$2 ;;
                --render) render=$2 ;;
            esac
            shift 2 ;;
        --plan) plan=1; shift ;;
        --tiny) tiny=1; shift ;;
        -h | --help) sed '1d; /^#/!Q; s/^# \{0,1\}//' "$0"; exit ;;
        -*) fail "unknown option $1; known are --state, --plan, --only, --minutes, --render, --tiny and --help" ;;
        *) [ -z "$data" ] || fail "one DATA folder was expected, not $data and $1"; data=$1; shift ;;
    esac
done
[[ "$minutes" =~ ^[0-9]{0,6}$ ]] || fail "--minutes $minutes: a whole number of up to six digits was expected"
[ -z "$minutes" ] || minutes=$((10#$minutes))
[ -n "$state" ] || state=$root/build/experiment${tiny:+-tiny}
jar=${JAR:-$root/target/adaspec-engine.jar}
[ -f "$jar" ] || fail "there is no $jar; build it first: mvn -q package -DskipTests"
jar=$(realpath "$jar")
command -v flock > /dev/null || fail "there is no flock, by which several at once share a state; install util-linux"
threads=${THREADS:-$(nproc)}
source "$root/weights/java25.sh"
java25=$(java25 -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.home = //p')/bin/java

if [ -n "$render" ]; then
    [ -d "$state" ] || fail "there is no state $state to render; name one with --state, or run the experiment first"
    [[ "$render" != */ && ! -d "$render" ]] || fail "--render $render is a folder; the page's path without .md was expected"
    mkdir -p "$(dirname "$render")"
    "$java25" -cp "$jar" adaspec.bench.experiment.Results "$(realpath "$state")" "$render" \
        2> >(sed 's/^Exception in thread "main" [^:]*: /error: /' >&2)
    echo "written to $render.md"
    exit
fi

source "$here/settings.sh"
[ -z "$tiny" ] || source "$here/tiny.sh"
mapfile -t known < <(printf '%s\n' "${!EPOCHS[@]}" | LC_ALL=C sort)
[ ${#TASKS[@]} -gt 0 ] || fail "TASKS names no task; known are ${known[*]}"
for task in "${TASKS[@]}"; do
    [[ -n "${EPOCHS[$task]:-}" && -n "${TARGET_EPOCHS[$task]:-}" ]] ||
        fail "TASKS names $task, for which settings.sh has no TARGET_EPOCHS or no EPOCHS; known are ${known[*]}"
done
arms=(untrained "${ARMS[@]}" "${SWEEP[@]/#/k-}" "${LONGER_ARMS[@]/%/-x$LONGER}")
for entry in ${only[@]+"${only[@]}"}; do
    [[ " ${TASKS[*]} " == *" ${entry%%/*} "* ]] || fail "--only $entry: no task is called ${entry%%/*}; known are ${TASKS[*]}"
    [[ "$entry" != */* || " ${arms[*]} " == *" ${entry#*/} "* ]] || fail "--only $entry: no arm is called ${entry#*/}; known are ${arms[*]}"
done
if [ -z "$tiny" ]; then
    [ -n "$data" ] || fail "DATA is missing; a folder with gsm8k/train.jsonl, gsm8k/test.jsonl and so on was expected"
    [ -d "$data" ] || fail "there is no folder $data"
    for task in "${TASKS[@]}"; do
        [[ ${#only[@]} -eq 0 || " ${only[*]%%/*} " == *" $task "* ]] || continue
        [[ -f "$data/$task/train.jsonl" && -f "$data/$task/test.jsonl" ]] ||
            fail "$data/$task lacks train.jsonl or test.jsonl; name another DATA, or leave $task out of TASKS"
    done
    [ ! -e "$state/tiny-data" ] || fail "$state is a state of --tiny; name another --state"
elif [ -e "$state/data" ]; then
    [ -e "$state/fingerprint.txt" ] || fail "$state has no fingerprint.txt, so nobody knows what made it; name another --state, or delete it"
    [ -e "$state/tiny-data" ] || fail "$state is a state of real problems; name another --state for --tiny"
fi
mkdir -p "$state/log" "$state/lock"
state=$(realpath "$state")
if [ -n "$tiny" ]; then
    [[ ! -e "$state/fingerprint.txt" || "$(head -n 1 "$state/fingerprint.txt")" == *--tiny ]] ||
        fail "$state is a state of real problems; name another --state for --tiny"
    exec 9> "$state/lock/tiny-data"
    flock 9
    tiny_files
    exec 9>&-
fi
data=$(realpath "$data")

sha256() { sha256sum | cut -c 1-16; }
# What the results depend on, a line each. Of TASKS and SEEDS the first, by which learning rates are chosen; the others only select.
fingerprint() {
    local name task part
    echo "problems $([ -n "$tiny" ] && echo "made up by --tiny" || echo "of DATA")"
    echo "learning rates chosen on ${TASKS[0]} with the draft of seed ${SEEDS[0]}"
    for name in VALIDATION DISTILL TEST VOCABULARY POSITIONS NEW_TOKENS TARGET_STEPS TARGET_RATE DRAFT_STEPS DRAFT_RATE FINE_TUNING_RATE RATES \
        SPEED_PROMPTS; do
        local -n value=$name
        echo "$name ${value[*]}"
    done
    for task in "${known[@]}"; do
        echo "TARGET_EPOCHS of $task ${TARGET_EPOCHS[$task]:-}"
        echo "EPOCHS of $task ${EPOCHS[$task]}"
        for part in train test; do
            echo "$task/$part.jsonl of DATA, SHA-256 $(cat "$data/$task/$part.jsonl" 2> /dev/null | sha256)"
        done
    done
    echo "text of DATA, SHA-256 $(find -L "$data/text" -type f 2> /dev/null | LC_ALL=C sort | xargs -r -d '\n' cat | sha256)"
    echo "TARGET_CONFIG $(tr -d ' \n' < "$TARGET_CONFIG")"
    echo "DRAFT_CONFIG $(tr -d ' \n' < "$DRAFT_CONFIG")"
}
mapfile -t are < <(fingerprint)
if [ ! -e "$state/fingerprint.txt" ]; then
    [ ! -e "$state/data" ] || echo "== $state has no fingerprint yet; it is taken for one of these settings and data"
    # Of two at once the first stands, and the other is compared with it.
    printf '%s\n' "${are[@]}" > "$state/.fingerprint.$$"
    ln "$state/.fingerprint.$$" "$state/fingerprint.txt" 2> /dev/null || true
    rm "$state/.fingerprint.$$"
fi
mapfile -t were < "$state/fingerprint.txt"
for ((i = 0; i < (${#were[@]} > ${#are[@]} ? ${#were[@]} : ${#are[@]}); i++)); do
    [ "${were[i]:-}" = "${are[i]:-}" ] ||
        fail "$state was made with '${were[i]:-nothing more}', not with '${are[i]:-nothing more}'; name another --state, or use its settings and data"
done

# ---------------------------------------------------------------------------------------------------- one step

deadline=
[ -z "$minutes" ] || deadline=$((SECONDS + 60 * minutes))
child= stopping= planned=0 remaining=0
trap 'rm -f "$state/.times.$$"' EXIT
trap 'stopping=1; [ -z "$child" ] || kill -TERM "$child" 2> /dev/null || true' INT TERM

# stopped WHY: ends this sitting.
stopped() {
    echo "== stopped ($1); the same command goes on"
    [ "$1" = signal ] && exit 130
    exit 0
}

go_on() { # or end this sitting, where it was told to
    [ -z "$stopping" ] || stopped signal
    [ -z "$deadline" ] || [ $SECONDS -lt "$deadline" ] || stopped "--minutes $minutes"
}

# lock NAME: holds the step by descriptor 9. Its command inherits that: one that outlives this script is still at work on the step.
lock() {
    local code=0
    exec 9> "$state/lock/${1//\//-}"
    flock -n 9 || code=$?
    [ $code -ne 1 ] || echo "== waiting for $1, which another run.sh is making"
    while [ $code -eq 1 ]; do
        go_on
        code=0
        flock -w 1 9 || code=$?
    done
    [ $code -eq 0 ] || fail "cannot lock $state/lock/${1//\//-}; name a --state on a file system that has locks"
    go_on
}

cpu_seconds() { # of all children that have ended; leaves cpu. A pipe or $() would ask another process.
    times > "$state/.times.$$"
    cpu=$(awk 'NR == 2 { gsub(/[ms]/, " "); print int($1 * 60 + $2 + $3 * 60 + $4) }' "$state/.times.$$")
}

# step NAME SECONDS COMMAND...: runs the command with NAME.partial as its last argument, then renames that. SECONDS is an estimate for --plan.
step() {
    local name=$1 estimate=$2 partial begin cpu before code=0 word command log
    shift 2
    [ ! -e "$state/$name" ] || return 0
    estimate=$(awk "BEGIN { print int($estimate + 0.5) }")
    if [ -n "$plan" ]; then
        [ -n "${listed[$name]:-}" ] && return 0
        listed[$name]=1
        planned=$((planned + 1)) remaining=$((remaining + estimate))
        printf '%6d s  %s\n' "$estimate" "$name"
        return 0
    fi
    go_on
    lock "$name"
    if [ -e "$state/$name" ]; then
        exec 9>&-
        return 0
    fi
    partial=$state/$name.partial log=$state/log/${name//\//-}.log
    mkdir -p "$(dirname "$partial")"
    local resume=()
    if [ -e "$partial/checkpoint-latest" ]; then
        resume=(--resume-from-checkpoint latest)
    else
        rm -rf "$partial"
    fi
    echo "== $(date -u +%H:%M:%S) $name${resume:+ (resumed)}"
    cpu_seconds
    begin=$SECONDS before=$cpu
    # The output comes last, so an option that takes it ends the command.
    command=("$@" "$partial")
    [ ${#resume[@]} -eq 0 ] || command+=("${resume[@]}")
    if [ -n "$deadline" ]; then
        timeout -s TERM "$((deadline > SECONDS ? deadline - SECONDS : 1))" "${command[@]}" >> "$log" 2>&1 &
    else
        "${command[@]}" >> "$log" 2>&1 &
    fi
    child=$!
    [ -z "$stopping" ] || kill -TERM "$child" 2> /dev/null || true
    wait "$child" || code=$?
    while kill -0 "$child" 2> /dev/null; do # a signal ends only the wait
        code=0
        wait "$child" || code=$?
    done
    child=
    cpu_seconds
    word=done
    [ $code -eq 0 ] || word="stopped, $code"
    printf '%s\t%d\t%d\t%s\n' "$name" $((SECONDS - begin)) $((cpu - before)) "$word" >> "$state/times.tsv"
    if [ $code -eq 0 ]; then
        mv "$partial" "$state/$name"
        exec 9>&-
        return 0
    fi
    go_on
    [ $code -ne 124 ] || stopped "--minutes $minutes"
    tail -n 5 "$log" >&2
    echo "error: $name failed with exit code $code; the log is $log" >&2
    exit 1
}
declare -A listed=()

engine=(java -jar "$jar")
# tokens TASK PART: about how many, by what was counted
tokens() {
    awk -F '\t' -v task="$1" -v part="$2" -v per="$CHARACTERS_PER_TOKEN" '$1 == task && $2 == part { print int($4 / per) }' "$state/data/data.tsv"
}
lines() { awk -F '\t' -v task="$1" -v part="$2" '$1 == task && $2 == part { print $3 }' "$state/data/data.tsv"; }
math() { awk "BEGIN { print $* }"; }

# What the page of results says of this sitting and of the settings.
if [ -z "$plan" ]; then
    machine="$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)"
    machine+=", $(grep -q avx512f /proc/cpuinfo && echo AVX-512 || echo "no AVX-512")"
    machine+=", $threads $([ "$threads" = 1 ] && echo thread || echo threads) a command; $("${engine[@]}" --version)"
    grep -qsxF "$machine" "$state/machines.txt" || echo "$machine" >> "$state/machines.txt"
    settings > "$state/settings.txt"
fi

# ---------------------------------------------------------------------------------------------------- what all tasks share

pretrain() { # pretrain FROM STEPS RATE SEED: options of a pretraining, its output last
    pretraining=(sft --model "$state/$1" --train-file "$state/data/pretrain.jsonl" --eval-file "$state/data/${TASKS[0]}/validation.jsonl"
        --num-train-epochs 1 --max-steps "$2" --per-device-train-batch-size 16 --learning-rate "$3" --lr-scheduler-type cosine --warmup-ratio 0.05
        --seed "$4" "${training[@]}")
}
training=(--model-max-length "$POSITIONS" --save-steps 40 --save-total-limit 2 --threads "$threads" --output-dir)

data() {
    step data 20 "$java25" -cp "$jar" adaspec.bench.experiment.Prepare "$VALIDATION" "$DISTILL" "$TEST" "$data"
}
base() {
    data
    step tokenizer 15 "${engine[@]}" tokenizer train --files "$state/data/pretrain.jsonl" --vocab-size "$VOCABULARY" --output
}
pretrained_target() {
    base
    step target-0 2 "${engine[@]}" init --config "$TARGET_CONFIG" --tokenizer "$state/tokenizer" --seed 0 --output
    pretrain target-0 "$TARGET_STEPS" "$TARGET_RATE" 0
    step target-pretrained "$(math "$TARGET_STEPS * $TOKENS_PER_STEP / $TARGET_TRAINS")" "${engine[@]}" "${pretraining[@]}"
}
draft() { # draft SEED
    base
    step "draft-0/$1" 2 "${engine[@]}" init --config "$DRAFT_CONFIG" --tokenizer "$state/tokenizer" --seed $((1000 + $1)) --output
    pretrain "draft-0/$1" "$DRAFT_STEPS" "$DRAFT_RATE" "$1"
    step "draft/$1" "$(math "$DRAFT_STEPS * $TOKENS_PER_STEP / $DRAFT_TRAINS")" "${engine[@]}" "${pretraining[@]}"
}

# ---------------------------------------------------------------------------------------------------- a task

target() { # target TASK: fine-tuned, and what it writes
    local epochs=${TARGET_EPOCHS[$1]} part
    pretrained_target
    step "$1/target" "$(math "$epochs * $(tokens "$1" train) / $TARGET_TRAINS")" "${engine[@]}" sft --model "$state/target-pretrained" \
        --train-file "$state/data/$1/train.jsonl" --eval-file "$state/data/$1/validation.jsonl" --num-train-epochs "$epochs" \
        --per-device-train-batch-size 16 --learning-rate "$FINE_TUNING_RATE" --lr-scheduler-type cosine --warmup-ratio 0.05 "${training[@]}"
    for part in validation test; do
        step "$1/$part.jsonl" "$(math "$(lines "$1" "$part") * $NEW_TOKENS * 0.8 / $TARGET_WRITES")" "${engine[@]}" generate \
            --target "$state/$1/target" --prompt-file "$state/data/$1/$part.prompts.jsonl" \
            --max-new-tokens "$NEW_TOKENS" --threads "$threads" --output-json
    done
}

# distill TASK DRAFT EPOCHS NAME OPTIONS...: one stage over EPOCHS; what the target says of the samples is asked once per task.
distill() {
    local task=$1 from=$2 epochs=$3 name=$4
    shift 4
    step "$name" "$(math "$epochs * $(tokens "$task" distill) / $DISTILLS + 8")" "${engine[@]}" distill \
        --target "$state/$task/target" --draft "$state/$from" --train-file "$state/data/$task/distill.jsonl" \
        --eval-file "$state/data/$task/validation.jsonl" --teacher-cache "$state/$task/cache" \
        --num-prompts 1 --max-new-tokens 8 "$@" "${training[@]}"
}
# read_texts TASK PART DRAFT NAME: what speculation counts on the target's texts
read_texts() {
    step "$4" "$(math "$(lines "$1" "$2") * $NEW_TOKENS * 2 / $TARGET_READS + 2")" "${engine[@]}" eval \
        --target "$state/$1/target" --draft "$state/$3" --greedy-texts "$state/$1/$2.jsonl" --num-speculative-tokens 5 \
        --threads "$threads" --output-json
}
alpha() { # alpha FILE: of an evaluation; leaves alpha
    alpha=$(sed -n '/^ *"alpha" : / { s///; s/,$//; p; q }' "$1")
    [[ "$alpha" =~ ^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$ ]] && return 0
    echo "error: $1 has ${alpha:-nothing} for alpha, and a number was expected; delete the file, so that it is measured again" >&2
    exit 1
}

# Batches, epochs and options of an arm, given B = 16, E epochs and k = 0.4. One stage of AdaSPEC with compensation is B/k and E/k.
#   equal-steps    DistillSpec, B and E: the reference stage of AdaSPEC, bit for bit
#   equal-tokens   DistillSpec with the batches and epochs of AdaSPEC's selective stage: its steps and its tokens
#   whole-budget   DistillSpec with the steps and the tokens of both of AdaSPEC's stages together: n samples make 2 E n / 16 = 3.5 E n / 28 steps
#   ARM-xN         ARM with N E in the place of E, and so its reference
arm_options() { # arm_options TASK ARM; leaves epochs and options
    local E=${EPOCHS[$1]} arm=${2%-x*} long whole
    [ "$arm" = "$2" ] || E=$(math "$E * ${2##*-x}")
    long=$(math "$E / 0.4") whole=$(math "$E * 3.5")
    local compensated=(--per-device-train-batch-size 16 --num-train-epochs "$E" --k-compensation on)
    case $arm in
        equal-steps) epochs=$E options=(--method distillspec --per-device-train-batch-size 16 --num-train-epochs "$E") ;;
        equal-tokens) epochs=$long options=(--method distillspec --per-device-train-batch-size 40 --num-train-epochs "$long") ;;
        whole-budget) epochs=$whole options=(--method distillspec --per-device-train-batch-size 28 --num-train-epochs "$whole") ;;
        adaspec) epochs=$long options=("${compensated[@]}") ;;
        no-compensation) epochs=$E options=(--per-device-train-batch-size 16 --num-train-epochs "$E" --k-compensation off) ;;
        random) epochs=$long options=("${compensated[@]}" --selection random) ;;
        bottom) epochs=$long options=("${compensated[@]}" --selection gap-bottom) ;;
        lk) epochs=$long options=(--method distillspec --loss lk_hybrid --per-device-train-batch-size 40 --num-train-epochs "$long") ;;
        adaspec-lk) epochs=$long options=("${compensated[@]}" --loss lk_hybrid) ;;
        # Other shares on the same steps and tokens; 0.4 would be adaspec, 1 equal-tokens.
        k-*) epochs=$long options=(--k "${arm#k-}" --per-device-train-batch-size 40 --num-train-epochs "$long" --k-compensation off) ;;
        *) fail "no arm is called $2; known are ${arms[*]}" ;;
    esac
}
family() { # whose learning rate an arm takes
    case ${1%-x*} in
        equal-steps | equal-tokens | whole-budget) echo equal-tokens ;;
        lk | adaspec-lk) echo "${1%-x*}" ;;
        *) echo adaspec ;;
    esac
}

# rate ARM: chosen on gsm8k's validation samples, by alpha; leaves learning_rate. The order of the samples is none of the experiment's seeds.
rate() {
    local family=$1 task=${TASKS[0]} best= grid name own=() file alpha
    file=$state/tune/$family.rate
    if [ ! -f "$file" ]; then
        target "$task"
        draft "${SEEDS[0]}"
        if [[ $family == adaspec* ]]; then
            rate equal-tokens
            arm_options "$task" equal-steps
            distill "$task" "draft/${SEEDS[0]}" "$epochs" tune/reference "${options[@]}" --learning-rate "$learning_rate" --seed 100
            own=(--reference "$state/tune/reference")
        fi
        for grid in "${RATES[@]}"; do
            name=tune/$family-$grid
            arm_options "$task" "$family"
            distill "$task" "draft/${SEEDS[0]}" "$epochs" "$name" "${own[@]}" "${options[@]}" --learning-rate "$grid" --seed 100
            read_texts "$task" validation "$name" "$name.json"
            [ -z "$plan" ] || continue
            alpha "$state/$name.json"
            best=$(printf '%s\n%s %s\n' "$best" "$alpha" "$grid" | sort -k1,1g | tail -n 1)
        done
        [ -n "$plan" ] || { echo "${best#* }" > "$file.$$" && mv "$file.$$" "$file"; }
    fi
    learning_rate=$([ -f "$file" ] && cat "$file" || echo "${RATES[0]}")
}

arm() { # arm TASK SEED ARM: trains and measures it
    local task=$1 seed=$2 arm=$3 from=draft/$2 own=() reference
    target "$task"
    draft "$seed"
    if [ "$arm" != untrained ]; then
        arm_options "$task" "$arm"
        if [[ " ${options[*]} " != *" distillspec "* ]]; then
            reference=equal-steps${arm#"${arm%-x*}"}
            arm "$task" "$seed" "$reference"
            own=(--reference "$state/$task/$seed/$reference")
        fi
        rate "$(family "$arm")"
        arm_options "$task" "$arm"
        from=$task/$seed/$arm
        distill "$task" "draft/$seed" "$epochs" "$from" "${own[@]}" "${options[@]}" --learning-rate "$learning_rate" --seed "$seed"
    fi
    read_texts "$task" test "$from" "$task/$seed/$arm.json"
}

speed() { # speed TASK ARM: plain and speculative decoding in turn, with the first seed's draft
    local from=$1/${SEEDS[0]}/$2
    [ "$2" != untrained ] || from=draft/${SEEDS[0]}
    step "$1/speed/$2.json" "$(math "$SPEED_PROMPTS * $NEW_TOKENS * 1.5 / $TARGET_WRITES + 6")" "${engine[@]}" eval \
        --target "$state/$1/target" --draft "$state/$from" --eval-file "$state/data/$1/test.jsonl" --num-prompts "$SPEED_PROMPTS" \
        --max-new-tokens "$NEW_TOKENS" --threads "$threads" --output-json
}

# ---------------------------------------------------------------------------------------------------- all of it

wanted() { # wanted TASK ARM
    local entry
    [ ${#only[@]} -gt 0 ] || return 0
    for entry in "${only[@]}"; do
        [ "$entry" != "$1" ] && [ "$entry" != "$1/$2" ] || return 0
    done
    return 1
}
# The data say how long the rest takes.
if [ -n "$plan" ]; then
    plan= && data && plan=1
fi
for task in "${TASKS[@]}"; do
    seeds=("${SEEDS[@]}")
    [ "$task" = gsm8k ] || seeds=("${OTHER_SEEDS[@]}")
    # The pairs that the main question needs come first, seed by seed.
    for group in "untrained equal-steps equal-tokens whole-budget adaspec" "${ARMS[*]}"; do
        for seed in "${seeds[@]}"; do
            for name in $group; do
                ! wanted "$task" "$name" || arm "$task" "$seed" "$name"
            done
        done
    done
    if [ "$task" = gsm8k ]; then
        for seed in "${SWEEP_SEEDS[@]}"; do
            for k in "${SWEEP[@]}"; do
                ! wanted "$task" "k-$k" || arm "$task" "$seed" "k-$k"
            done
        done
        for seed in "${LONGER_SEEDS[@]}"; do
            for name in "${LONGER_ARMS[@]/%/-x$LONGER}"; do
                ! wanted "$task" "$name" || arm "$task" "$seed" "$name"
            done
        done
    fi
done
# Last, together, so that nothing else need run beside them.
for task in "${TASKS[@]}"; do
    for name in untrained "${ARMS[@]}"; do
        ! wanted "$task" "$name" || speed "$task" "$name"
    done
done
if [ -n "$plan" ]; then
    echo "$planned steps, about $(math "int($remaining / 360 + 0.5) / 10") hours on 2 cores of the machine that settings.sh names"
else
    echo "== all is done; bench/experiment/run.sh --state $state --render bench/results/experiment writes the page"
fi
