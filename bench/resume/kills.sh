#!/usr/bin/env bash
# Kills a two-stage run with -9 at random moments, takes it up again, and compares it with the run that was never killed, bit for bit.
#
#   bench/resume/kills.sh [KILLS] [SEED]        default: 50 kills, seed 1; -o in MAVEN_ARGS builds offline
set -euo pipefail
cd "$(dirname "$0")/../.."
mvn -q -B test -DskipNative -DskipNativeTests -Dtest=KilledRunTest "-Dadaspec.kills=${1:-50}" "-Dadaspec.kills.seed=${2:-1}"
