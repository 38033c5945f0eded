#!/usr/bin/env bash
# Kills a two-stage run with -9 at random moments, takes it up again, and compares it with the run that was never killed, bit for bit.
#
#   bench/resume/kills.sh [KILLS] [SEED]        default: 50 kills, seed 1; -o in MAVEN_ARGS builds offline
set -euo pipefail
cd "$(dirname "$0")/../.."
kills=${1:-50} seed=${2:-1}
fail() { echo "error: $*" >&2; exit 2; }
[[ "$kills" =~ ^[1-9][0-9]{0,8}$ ]] || fail "KILLS is $kills, and a whole number from 1 on was expected"
[[ "$seed" =~ ^(0|[1-9][0-9]{0,17})$ ]] || fail "SEED is $seed, and a whole number from 0 on was expected"
mvn -q -B test -DskipNative -DskipNativeTests -Dtest=KilledRunTest "-Dadaspec.kills=$kills" "-Dadaspec.kills.seed=$seed"
