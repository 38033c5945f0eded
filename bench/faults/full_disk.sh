#!/usr/bin/env bash
# Fails every single thing that the engine writes, as a full disk does: once for good, once for that moment only. Each time the command must end with
# one sentence and exit code 1, leave no file cut short, and come to the same end when it is repeated (java/test/adaspec/cli/FullDisk.java).
#
#     bench/faults/full_disk.sh [--record NAME] [COMMAND...]
#
# COMMAND        distill distill-cached sft init tokenizer tokenize generate score select; default: all
# --record NAME  writes the table to bench/results/NAME.md too, under the command
# EVERY, FIRST   try each EVERY-th place from FIRST on (default: 1, 0, which takes an hour of one core)
# JAVA           a java of version 25 or later (default: java)
set -euo pipefail
cd "$(dirname "$0")/../.."
record=
command="${EVERY:+EVERY=$EVERY }${FIRST:+FIRST=$FIRST }bench/faults/full_disk.sh"
if [ "${1:-}" = --record ]; then
    if [ -z "${2:-}" ]; then
        echo "error: --record lacks its name" >&2
        exit 2
    fi
    record=bench/results/$2.md
    shift 2
fi
command+="${*:+ $*}"
library=$PWD/target/cmake/standin/full_disk.so
if [ ! -d target/test-classes/adaspec/cli ] || [ ! -f "$library" ]; then
    echo "error: the tests are not built; build them first: mvn -q verify -DskipTests" >&2
    exit 1
fi
source bench/test_classpath.sh
classpath=$(test_classpath)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
try() {
    LD_PRELOAD=$library "${JAVA:-java}" -Xmx1g --enable-native-access=ALL-UNNAMED \
        -cp "$classpath" adaspec.cli.FullDisk "$library" "$folder" "${EVERY:-1}" "${FIRST:-0}" "$@"
}
if [ -z "$record" ]; then
    try "$@"
    exit
fi
{
    printf '# A disk that becomes full\n\n    %s\n\n' "$command"
    echo "$(date -u +%F), $(git describe --always --dirty), $(uname -sm)."
    echo
    echo "Each command writes at so many places: files and folders made, pieces written, synced, renamed, linked. Each place failed in turn, for good"
    echo "(ENOSPC from there on) and for that moment alone. What failed ended with one sentence and exit code 1, left nothing cut short, and came to"
    echo "the same end, byte for byte, when it was repeated (a run: resumed) with room again; what was written again at once is counted as having"
    echo "survived."
    echo
    try "$@" | sed -u 's/^/    /'
} | tee "$folder/record"
# Only what went to its end replaces an older record.
cp "$folder/record" "$record"
