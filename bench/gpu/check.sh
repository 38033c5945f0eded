#!/usr/bin/env bash
# Proves the CUDA kernels on this machine's GPU, and times them beside PyTorch, Triton and the algorithms of others. Needs no network.
#
#     bench/gpu/check.sh [--again] [--emulate] [STAGE...]
#
# correct   builds the kernels for this GPU alone, runs their tests on it, compares every operation with PyTorch's in float64
# sanitize  the tests under compute-sanitizer: memcheck, racecheck, synccheck, initcheck
# peers     times beside the peers (bench/peers/kernels), prints one table with the bars, and writes it to bench/results
# backend   `doctor` and `bench kernels --device cuda` of the engine's jar
#
# Without a stage, all. A stage that is done for these sources and this GPU is told from its record; --again repeats it. Times are kept case by case,
# findings of the sanitizer tool by tool: what STAGE_SECONDS (default: 460) did not suffice for is left to the next call. Records and logs lie in
# target/gpu. What the machine lacks or refuses is a printed skip.
# --emulate  the same on the emulated kernels and a processor, with tiny shapes: proves this driver, measures nothing, writes nothing to bench/results
# PYTHON     a python with torch, and with Triton for its peers (default: python3)
# JAVA, JAR  for the stage backend (default: java, target/adaspec-engine.jar)
# CUDACXX    nvcc, where it is not on the PATH
# JOBS       of the build and the tests (default: all cores)
# REVISION   of the sources, for the results (default: what git says)
set -euo pipefail
command="bench/gpu/check.sh $*"
cd "$(dirname "$0")/../.."

again=
emulate=
stages=()
for argument in "$@"; do
    case $argument in
        --again) again=1 ;;
        --emulate) emulate=1 ;;
        correct | sanitize | peers | backend) stages+=("$argument") ;;
        *)
            echo "error: $argument is not known; stages are correct, sanitize, peers, backend; options are --again and --emulate" >&2
            exit 2
            ;;
    esac
done
[ ${#stages[@]} -gt 0 ] || stages=(correct sanitize peers backend)
python=${PYTHON:-python3}
java=${JAVA:-java}
jar=${JAR:-target/adaspec-engine.jar}
jobs=${JOBS:-$(nproc)}
limit=${STAGE_SECONDS:-460}
nvcc=${CUDACXX:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
header=cuda/include/adaspec.h

# The GPU: its name, and what to compile for.
if [ -n "$emulate" ]; then
    gpu=emulated
    emulated=(--emulated)
else
    emulated=()
    query() { nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -n 1; }
    gpu=$(query name || true)
    capability=$(query compute_cap || true)
    if [ -z "$gpu" ] || [ -z "$capability" ]; then
        echo "error: nvidia-smi finds no GPU here; --emulate proves this driver without one" >&2
        exit 1
    fi
    if [ ! -x "$nvcc" ]; then
        echo "error: there is no nvcc; CUDACXX may name one" >&2
        exit 1
    fi
    capability=${capability/./}
    architecture=$capability-real
    [ "$capability" != 90 ] || architecture=90a-real
fi
folder=target/gpu/${gpu//[^A-Za-z0-9]/-}
build=$folder/build
sources=$(find cuda cmake CMakeLists.txt -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-12)
state=$folder/$sources
mkdir -p "$state"
library=$build/libadaspec_cuda.so
[ -z "$emulate" ] || library=$build/cuda/emulator/libadaspec_emulated.so

summary=()
failed=
note() {
    summary+=("$1")
    case $1 in *FAILED*) failed=1 ;; esac
}

# configure_and_build TARGET...: what is there is not built again.
configure_and_build() {
    local options=(-DCMAKE_BUILD_TYPE=Release)
    if [ -n "$emulate" ]; then
        options+=(-DCMAKE_CUDA_COMPILER=NOTFOUND)
    else
        options+=(-DADASPEC_CPU=OFF -DADASPEC_CUDA_ARCHITECTURES="$architecture" -DCMAKE_CUDA_COMPILER="$nvcc")
    fi
    command -v ninja >/dev/null && [ ! -f "$build/Makefile" ] && options+=(-G Ninja)
    cmake -S . -B "$build" --log-level=WARNING "${options[@]}" >"$state/configure.log" 2>&1 || { tail -n 20 "$state/configure.log"; return 1; }
    cmake --build "$build" --parallel "$jobs" --target "$@" >"$state/build.log" 2>&1 || { tail -n 30 "$state/build.log"; return 1; }
}

torch_is_there() {
    command -v "$python" >/dev/null || { reason="there is no $python; PYTHON may name one with torch"; return 1; }
    reason=$("$python" -c 'import sys, torch; sys.exit(0 if len(sys.argv) > 1 or torch.cuda.is_available() else "PyTorch sees no GPU")' \
        "${emulated[@]}" 2>&1 | tail -n 1) && return 0
    reason="$python: $reason"
    return 1
}

correct() {
    local pattern='\.cuda$' targets=(cuda_tests)
    [ -z "$emulate" ] || { pattern='_test\.emulated\.forward$' targets=(emulated_tests adaspec_emulated_shared); }
    local start=$SECONDS
    configure_and_build "${targets[@]}" || return 1
    echo "built in $((SECONDS - start)) s"
    local status=0
    if ctest --test-dir "$build" -R "$pattern" --parallel "$jobs" --output-on-failure >"$state/ctest.log" 2>&1; then
        grep -E 'tests passed|Total Test time' "$state/ctest.log" || true
    else
        cat "$state/ctest.log"
        status=1
    fi
    if grep -q 'Skipped' "$state/ctest.log"; then
        grep 'Skipped' "$state/ctest.log"
        echo "there is a GPU, and tests were skipped"
        status=1
    fi
    # Where tests fail, too: it says which other operations are right.
    if torch_is_there; then
        timeout 300 "$python" bench/peers/kernels/compare.py --library "$library" --header $header "${emulated[@]}" || status=1
    else
        echo "comparison with PyTorch: skipped ($reason)"
    fi
    return $status
}

# sanitized TOOL TEST: one line, with FAILED where there are findings.
sanitized() {
    local log=$state/$1-$(basename "$2").log status=0 left=$((deadline - $(date +%s)))
    if [ $left -lt 5 ]; then
        echo "$1 $(basename "$2"): left for the next call"
        return
    fi
    [ $left -lt 100 ] || left=100
    ADASPEC_TEST_TIGHT=1 timeout $left "$sanitizer" --tool "$1" --error-exitcode 99 "$2" >"$log" 2>&1 || status=$?
    if [ $status -eq 124 ]; then
        echo "$1 $(basename "$2"): no finding in $left s, $([ $left -eq 100 ] && echo 'not finished' || echo 'left for the next call')"
    elif grep -qE '(ERROR|RACECHECK) SUMMARY: 0 ' "$log" && [ $status -eq 0 ]; then
        echo "$1 $(basename "$2"): nothing found"
    elif ! grep -q 'SUMMARY' "$log"; then
        echo "$1 $(basename "$2"): skipped ($(grep -m 1 -E '^=+ .*[Ee]rror|rror:' "$log" || tail -n 1 "$log"))"
    elif [ "$1" = initcheck ]; then
        # Not a failure: the tests' memory is managed, and what the host wrote there may count as nothing.
        echo "$1 $(basename "$2"): to be looked at, $(grep -m 1 SUMMARY "$log"); see $log"
    else
        echo "$1 $(basename "$2"): FAILED, $(grep -m 1 SUMMARY "$log"); see $log"
        grep -m 3 -E '^=+ +(Invalid|Uninitialized|Error|Warning|Barrier)' "$log" || true
    fi
}

sanitize() {
    if [ -n "$emulate" ]; then
        echo "skipped (compute-sanitizer needs a GPU)"
        return 0
    fi
    sanitizer=$(command -v compute-sanitizer || true)
    for candidate in "$(dirname "$(readlink -f "$nvcc")")/compute-sanitizer" /usr/local/cuda/bin/compute-sanitizer; do
        [ -n "$sanitizer" ] || [ ! -x "$candidate" ] || sanitizer=$candidate
    done
    if [ -z "$sanitizer" ]; then
        echo "skipped (there is no compute-sanitizer)"
        return 0
    fi
    configure_and_build cuda_tests || return 1
    deadline=$(($(date +%s) + limit))
    export state sanitizer deadline
    export -f sanitized
    local tests=() status=0 refused=0 tool first lines
    mapfile -t tests < <(find "$build/cuda/test" -name '*_test_cuda' -type f | LC_ALL=C sort)
    for tool in memcheck racecheck synccheck initcheck; do
        lines=$state/$tool.lines
        if [ ! -f "$lines" ] || [ -n "$again" ] || grep -qE 'left for the next call|FAILED' "$lines"; then
            first=$(sanitized $tool "${tests[0]}")
            # A machine that refuses the tool says so once.
            case $first in
                *": skipped ("*)
                    echo "$tool: skipped (${first#*: skipped (}"
                    refused=$((refused + 1))
                    continue
                    ;;
            esac
            {
                echo "$first"
                printf '%s\n' "${tests[@]:1}" | xargs -P "$jobs" -I{} bash -c "sanitized $tool {}"
            } >"$lines"
        fi
        cat "$lines"
        ! grep -q 'left for the next call' "$lines" || [ $status -eq 1 ] || status=75
        ! grep -q FAILED "$lines" || status=1
    done
    [ $refused -lt 4 ] || echo "skipped (this machine refuses compute-sanitizer)"
    return $status
}

peers() {
    if ! torch_is_there; then
        echo "skipped ($reason)"
        return 0
    fi
    [ -n "$emulate" ] && local target=adaspec_emulated_shared || local target=adaspec_cuda
    configure_and_build $target || return 1
    [ -z "$again" ] || rm -f "$state"/times-*.jsonl
    [ -z "$again" ] || rm -f "$state"/*.timed
    local start=$SECONDS group log status=0 ended left open=
    for group in distill verify others; do
        [ ! -f "$state/$group.timed" ] || continue
        # Twice where it failed: the second time goes on behind the case that ended the first.
        for log in "$state/run-$group.log" "$state/run-$group-again.log"; do
            left=$((start + limit - SECONDS))
            ended=0
            timeout $((left > 1 ? left : 1)) "$python" bench/peers/kernels/run.py $group --library "$library" --header $header \
                --results "$state/times-$group.jsonl" "${emulated[@]}" >"$log" 2>&1 || ended=$?
            [ $ended -ne 0 ] && [ $ended -ne 124 ] || break
        done
        if [ $ended -eq 0 ]; then
            touch "$state/$group.timed"
        elif [ $ended -eq 124 ]; then
            open="not all was measured in $limit s; the same command goes on where this one ended"
            [ $status -ne 0 ] || status=75
            break
        else
            # What failed in one group says nothing of the others.
            echo "$group: FAILED"
            tail -n 5 "$log"
            status=1
        fi
    done
    [ -z "$open" ] || echo "$open"
    if ! grep -qs '"times"' "$state"/times-*.jsonl; then
        return $status
    fi
    "$python" bench/peers/kernels/table.py "$state"/times-*.jsonl "${emulated[@]}" | tee "$state/table.txt"
    if [ -z "$emulate" ]; then
        local result
        result=bench/results/kernels-$(basename "$folder" | tr '[:upper:]' '[:lower:]').md
        {
            printf '# Kernels on %s\n\n    %s\n\n' "$gpu" "$command"
            printf 'Commit %s, sources %s.%s\n\n```\n' "${REVISION:-$(git describe --always --dirty 2>/dev/null || echo unknown)}" "$sources" \
                "$([ $status -eq 0 ] || echo ' Not all was measured.')"
            cat "$state/table.txt"
            printf '```\n'
        } >"$result"
        echo "written to $result"
    fi
    return $status
}

backend() {
    local version
    version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) || true
    if [ -z "$version" ] || [ "$version" -lt 25 ]; then
        echo "skipped (no Java 25; JAVA may name one)"
    elif [ ! -f "$jar" ]; then
        echo "skipped (there is no $jar; JAR may name one)"
    elif [ -n "$emulate" ]; then
        echo "skipped (the engine's device needs a GPU)"
    else
        local engine=("$java" -jar "$jar")
        if ! grep -qaF native/linux-x86_64/libadaspec_cuda.so "$jar"; then
            # Made where there was no CUDA compiler: from a folder, beside the library that is built here.
            configure_and_build adaspec_cuda || return 1
            rm -rf "$folder/engine"
            "$python" -m zipfile -e "$jar" "$folder/engine"
            cp "$library" "$folder/engine/native/linux-x86_64/"
            engine=("$java" --enable-native-access=ALL-UNNAMED -cp "$folder/engine" adaspec.cli.Main)
        fi
        # Where the engine looks for cuBLAS when it lies in Python's packages alone.
        VIRTUAL_ENV=${VIRTUAL_ENV:-$("$python" -c 'import sys; print(sys.prefix)' 2>/dev/null || true)}
        export VIRTUAL_ENV
        "${engine[@]}" doctor --device cuda && "${engine[@]}" bench kernels --device cuda
    fi
}

echo "$gpu; sources $sources"
for stage in "${stages[@]}"; do
    echo
    echo "== $stage"
    record=$state/$stage.record
    if [ -f "$record" ] && [ -z "$again" ]; then
        cat "$record"
        note "$stage: done before for these sources (--again repeats it)"
        continue
    fi
    rm -f "$record"
    start=$SECONDS
    status=0
    # Not in a condition: a function there runs on after its errors. The record is moved into place when the stage is done.
    set +e
    (set -e; "$stage") 2>&1 | tee "$state/$stage.running"
    status=${PIPESTATUS[0]}
    set -e
    if [ "$status" -eq 0 ] && grep -q '^skipped' "$state/$stage.running"; then
        note "$stage: $(grep -m 1 '^skipped' "$state/$stage.running")"
    elif [ "$status" -eq 0 ]; then
        mv "$state/$stage.running" "$record"
        note "$stage: passed in $((SECONDS - start)) s"
    elif [ "$status" -eq 75 ]; then
        note "$stage: not finished after $((SECONDS - start)) s"
    else
        note "$stage: FAILED after $((SECONDS - start)) s"
    fi
done
echo
printf '%s\n' "${summary[@]}"
[ -z "$failed" ]
