#!/usr/bin/env bash
# Damages every kind of file that the engine reads, and uses what comes out in a child process: only a clear sentence, or no harm, is right.
#
#     bench/fuzz/fuzz.sh [--inputs N] [--targets a,b,...] [--seed S] [--state FILE] [--record NAME] [--show TARGET:INDEX]
#
# --inputs N      of each kind (default: 10000); the first 500 are those of the test FuzzTest
# --state FILE    remembers every outcome; a run that was interrupted goes on where it was
# --record NAME   writes the table to bench/results/NAME.md too, under the command
# --show T:I      writes one input to standard output, to look at
# JAVA            a java of version 25 or later (default: java)
#
# Ends with 1 if anything was found. 10,000 inputs of each kind took 2 minutes on one core.
set -euo pipefail
command="bench/fuzz/fuzz.sh $*"
cd "$(dirname "$0")/../.."

record=
arguments=()
while [ $# -gt 0 ]; do
    if [ "$1" = --record ] && [ $# -gt 1 ]; then
        record=bench/results/$2.md
        shift 2
    else
        arguments+=("$1")
        shift
    fi
done
if [ ! -d target/test-classes/adaspec/fuzz ]; then
    echo "error: the tests are not compiled; build them first: mvn -q test-compile" >&2
    exit 1
fi
if [ ! -f target/fuzz.classpath ] || [ pom.xml -nt target/fuzz.classpath ]; then
    mvn -q dependency:build-classpath -Dmdep.outputFile=target/fuzz.classpath -Dmdep.includeScope=test
fi
run() {
    "${JAVA:-java}" -cp "target/test-classes:target/classes:$(cat target/fuzz.classpath)" adaspec.fuzz.Fuzz "${arguments[@]}"
}
if [ -z "$record" ]; then
    run
else
    mkdir -p bench/results
    {
        printf '# Damaged files\n\n    %s\n\n' "$command"
        echo "$(date -u +%F), $(git describe --always --dirty), $(nproc) cores, $(uname -sm)."
        echo
        echo "Each input: its file damaged once to three times, then used as the engine uses it, in a child process with 5 s an input. Memory is what"
        echo "was allocated on the heap or what the resident peak grew by, whichever is more; it may be 32 MB and 160 times the file's bytes."
        echo
        run
    } | tee "$record"
fi
