#!/usr/bin/env bash
# Runs the tests of the processor's operations under sanitizers, on every tier that the processor has.
#
#     bench/sanitize.sh [--record NAME] [asan|tsan|all] [NAME OF A TEST...]
#
# asan   AddressSanitizer and UndefinedBehaviorSanitizer
# tsan   ThreadSanitizer; OpenMP by a stand-in that it can see into (cuda/test/standin/openmp.cpp), the team of decoding as it is
#
# Without one, both. A name is a regular expression, as for ctest -R. --record writes the table to bench/results/NAME.md too, under the command.
# JOBS   of the build and the tests (default: all cores)
#
# Each build also runs faults that its sanitizer must see (cuda/test/sanitizer_test.cpp). Ends with 1 if anything was found; the logs are
# target/sanitize/{address,thread}/Testing/Temporary/LastTest.log.
set -euo pipefail
command="bench/sanitize.sh $*"
cd "$(dirname "$0")/.."

record=
if [ "${1:-}" = --record ] && [ $# -gt 1 ]; then
    record=bench/results/$2.md
    shift 2
fi
case ${1:-all} in
    asan) kinds=(address) ;;
    tsan) kinds=(thread) ;;
    all) kinds=(address thread) ;;
    *)
        echo "error: $1 is not known; asan, tsan or all was expected" >&2
        exit 2
        ;;
esac
[ $# -eq 0 ] || shift
names=$(IFS='|' && echo "$*")
jobs=${JOBS:-$(nproc)}
# A find ends the test that made it; a race that is one of many ends it too.
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1"

failed=
run() {
    for kind in "${kinds[@]}"; do
        build=target/sanitize/$kind
        cmake -S . -B "$build" -DADASPEC_SANITIZE="$kind" > "$build.log" 2>&1 || { cat "$build.log" >&2; exit 1; }
        cmake --build "$build" --parallel "$jobs" >> "$build.log" 2>&1 || { tail -n 40 "$build.log" >&2; exit 1; }
        printf '## %s\n\n```\n' "$kind"
        ctest --test-dir "$build" --parallel "$jobs" --output-on-failure --no-tests=error -R "${names:-.}" |
            sed -E 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: //; /^(Internal ctest|Test project| *Start )/d' || failed=1
        printf '```\n\n'
    done
}
mkdir -p target/sanitize
if [ -z "$record" ]; then
    run
else
    # A build that fails replaces no record.
    partial=$(mktemp)
    trap 'rm -f "$partial"' EXIT
    {
        printf '# The operations under sanitizers\n\n    %s\n\n' "$command"
        echo "$(date -u +%F), $(git describe --always --dirty), $(c++ --version | head -n 1), $(nproc) cores, $(uname -sm)."
        echo
        run
    } > "$partial"
    cat "$partial"
    cp --no-preserve=mode "$partial" "$record"
fi
[ -z "$failed" ]
