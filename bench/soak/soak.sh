#!/usr/bin/env bash
# Decodes and evaluates in one JVM for hours, with everything that changes: lengths, sampling, engines, cancellations, refusals. Memory, threads,
# files and acceptance must stay as they are.
#
#     bench/soak/soak.sh [--minutes N] [--duty F] [--state DIR] [--record NAME] [--workers N] [--threads N] [--plant LEAK,...]
#     bench/soak/soak.sh --from DIR [--record NAME]
#
# --minutes N     that the process runs (default: 120); time in which it is stopped, or gets no processor, does not count
# --duty F        share of one core that it takes (default: 1, as much as it gets)
# --state DIR     where its copy of the program and its measurements lie (default: a temporary folder); builds meanwhile do not disturb it
# --record NAME   writes the report to bench/results/NAME.md too, under the command
# --from DIR      only reports what the run in DIR has measured, whether it is over or not
# --workers N     Java threads that ask for work at once (default: 3); --threads N: native threads of one operation (default: 1)
# --plant LEAK    SESSIONS, HEAP, NATIVE, FILES, THREADS, ACCEPTANCE: leaks on purpose, which must be found
# JAVA            a java of version 25 or later (default: java)
#
# Ends with 1 if anything grew or drifted.
set -euo pipefail
cd "$(dirname "$0")/../.."

state=
record=
from=
command=bench/soak/soak.sh
arguments=()
while [ $# -gt 1 ]; do
    case $1 in
        --state) state=$2 ;;
        --from) from=$2 ;;
        --record) record=bench/results/$2.md ;;
        *) arguments+=("$1" "$2")
           command+=" $1 $2" ;;
    esac
    shift 2
done
if [ $# -gt 0 ]; then
    echo "error: $1 lacks its value" >&2
    exit 2
fi
soak() {
    # The heap is touched as a whole at the start, so that what is resident afterwards changes with native memory alone; compiler threads that come
    # and go would look like a leak.
    ADASPEC_CACHE="$state/cache" "${JAVA:-java}" -Xms192m -Xmx192m -XX:+AlwaysPreTouch -XX:+UseSerialGC -XX:-UseDynamicNumberOfCompilerThreads \
        --enable-native-access=ALL-UNNAMED -cp "$state/program/adaspec-engine.jar:$state/program" adaspec.soak.Soak "$@"
}
if [ -z "$from" ]; then
    if [ ! -f target/adaspec-engine.jar ] || [ ! -d target/test-classes/adaspec/soak ]; then
        echo "error: the jar or the tests are not built; build them first: mvn -q package -DskipTests" >&2
        exit 1
    fi
    if [ -z "$state" ]; then
        state=$(mktemp -d)
        trap 'rm -rf "$state"' EXIT
    fi
    mkdir -p "$state/program/adaspec"
    cp target/adaspec-engine.jar "$state/program/"
    cp -r target/test-classes/adaspec/soak "$state/program/adaspec/"
    {
        printf '# Hours of decoding in one process\n\n    %s\n\n' "$command"
        echo "$(date -u +%F), $(git describe --always --dirty), $(nproc) of $(nproc --all) cores, nice $(nice), $(uname -sm)."
        echo
        echo "The default models; several threads; lengths of prompts and texts, sampling, draft lengths, verification, types of weights, stop"
        echo "strings, cancellations (by listener, deadline, interrupt, exception, close of the engine), batches, conversations, evaluations and"
        echo "refusals drawn at random; threads and engines come and go. At each measurement the work is paused and the changing engines are closed;"
        echo "the heap has a fixed size and is collected. Slopes: least squares after the warm-up; a rise is the slope times the hours judged."
        echo
    } > "$state/head.md"
    soak run "$state" "${arguments[@]}" > "$state/report.md" && code=0 || code=$?
else
    if [ ! -f "$from/head.md" ]; then
        echo "error: --from $from: no run has left anything there; what was given as --state was expected" >&2
        exit 2
    fi
    state=$from
    soak report "$state" "${arguments[@]}" > "$state/report.md" && code=0 || code=$?
fi
cat "$state/head.md" "$state/report.md"
if [ -n "$record" ]; then
    mkdir -p bench/results
    cat "$state/head.md" "$state/report.md" > "$record"
fi
exit "$code"
