#!/usr/bin/env bash
# Damages every kind of file that the engine reads, and uses what comes out in a child process: only a clear sentence, or no harm, is right.
#
#     bench/fuzz/fuzz.sh [--inputs N] [--targets a,b,...] [--seed S] [--state DIR] [--seconds T] [--record NAME] [--show TARGET:INDEX]
#
# --inputs N      of each kind (default: 10000); the first 500 (100 of folders) are those of the test FuzzTest
# --state DIR     remembers every outcome; a run that was interrupted goes on where it was. Outcomes of another revision stay, and the table names it
# --seconds T     ends after this time, with code 3 if there are inputs left
# --record NAME   writes the table to bench/results/NAME.md too, under the command
# --show T:I      writes one input to standard output, to look at
# JAVA            a java of version 25 or later (default: java)
#
# Ends with 1 if anything was found. 10,000 inputs of each kind take about 12 minutes of one core.
set -euo pipefail
cd "$(dirname "$0")/../.."

record=
command=bench/fuzz/fuzz.sh
arguments=()
while [ $# -gt 1 ]; do
    case $1 in
        --record) record=bench/results/$2.md ;;
        # Where and in which pieces it was done is not what was done.
        --state | --seconds) arguments+=("$1" "$2") ;;
        *) arguments+=("$1" "$2")
           command+=" $1 $2" ;;
    esac
    shift 2
done
if [ $# -gt 0 ]; then
    echo "error: $1 lacks its value" >&2
    exit 2
fi
if [ ! -d target/test-classes/adaspec/fuzz ]; then
    echo "error: the tests are not compiled; build them first: mvn -q test-compile" >&2
    exit 1
fi
source bench/test_classpath.sh
classpath=$(test_classpath)
revision=$(git describe --always --dirty)
run() {
    "${JAVA:-java}" -Dadaspec.fuzz.revision="$revision" -cp "$classpath" adaspec.fuzz.Fuzz "${arguments[@]}"
}
if [ -z "$record" ]; then
    run
else
    mkdir -p bench/results
    partial=$(mktemp)
    trap 'rm -f "$partial"' EXIT
    code=0
    {
        printf '# Damaged files\n\n    %s\n\n' "$command"
        echo "$(date -u +%F), $revision, $(nproc) cores, $(uname -sm)."
        echo
        echo "Each input: its file damaged once to three times, then used as the engine uses it, in a child process with 5 s an input. Memory is what"
        echo "was allocated on the heap or what the resident peak grew by, whichever is more; it may be 32 MB and 160 times the file's bytes."
        echo
        run
    } | tee "$partial" || code=$?
    # A wrong command line replaces no record.
    [ $code -eq 2 ] || cp --no-preserve=mode "$partial" "$record"
    exit $code
fi
