#!/usr/bin/env bash
# How many of the held-out problems the default target answers exactly, by kind of problem, by number of steps and in all.
#
#   mvn -q package -DskipTests && weights/accuracy.sh [MODEL [PROBLEMS [COUNT]]]
#
# Leaves prompts, answers and the table in build/accuracy. A model that is not given is the default target, the problems are weights/default/eval.jsonl.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
model=${1:-$here/weights/default/target}
problems=${2:-$here/weights/default/eval.jsonl}
count=${3:-500}
jar=$here/target/adaspec-engine.jar
work=$here/build/accuracy
source "$here/weights/java25.sh"
mkdir -p "$work"

grade() { java25 -cp "$jar" adaspec.text.problems.Grade --problems "$problems" --count "$count" "$@"; }
grade --prompts "$work/prompts.jsonl"
java -jar "$jar" generate --target "$model" --prompt-file "$work/prompts.jsonl" --max-new-tokens 256 --output-json "$work/answers.jsonl" > "$work/text.txt"
grade --answers "$work/answers.jsonl" --table "$work/table.txt"
cat "$work/table.txt"
