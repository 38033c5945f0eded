#!/usr/bin/env bash
# Fails every single thing that the engine writes, as a full disk does: once for good, once for that moment only. Each time the command must end with
# one sentence and exit code 1, leave no file cut short, and come to the same end when it is repeated (java/test/adaspec/cli/FullDisk.java).
#
#     bench/faults/full_disk.sh [COMMAND...]      distill distill-cached sft init tokenizer tokenize generate score select; default: all
#
# EVERY, FIRST   try each EVERY-th place from FIRST on (default: 1, 0)
# JAVA           a java of version 25 or later (default: java)
set -euo pipefail
cd "$(dirname "$0")/../.."
library=$PWD/target/cmake/standin/full_disk.so
if [ ! -d target/test-classes/adaspec/cli ] || [ ! -f "$library" ]; then
    echo "error: the tests are not built; build them first: mvn -q verify -DskipTests" >&2
    exit 1
fi
if [ ! -f target/test.classpath ] || [ pom.xml -nt target/test.classpath ]; then
    mvn -q dependency:build-classpath -Dmdep.outputFile=target/test.classpath -Dmdep.includeScope=test
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
LD_PRELOAD=$library "${JAVA:-java}" -Xmx1g --enable-native-access=ALL-UNNAMED -cp "target/test-classes:target/classes:$(cat target/test.classpath)" \
    adaspec.cli.FullDisk "$library" "$folder" "${EVERY:-1}" "${FIRST:-0}" "$@"
