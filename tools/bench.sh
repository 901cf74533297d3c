#!/usr/bin/env bash
# Installs what the benchmarks need, builds a release and the default build, starts a real Consul, and prints one table
# of medians and of ratios that were measured side by side in this run. Ends with 1 if a target is missed.
#
# usage: tools/bench.sh [--json] [--only PART[,PART]] [--rounds N] [--before PROGRAM] [--write]
#
# PART: one_shot, check_service, processes, watch, requests, fleet, events, flushes, in_process, includes, sizes
# --before: the powerconsul of an older release, which is measured in turns with this one
# --write: put the table into docs/performance.md, and a part of it into README.md
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh --for bench >&2
{
    tools/release.sh build/bench -Dbenchmarks=enabled -Dtests=disabled -Dexamples=disabled &&
        { [ -e build/bench-default/build.ninja ] || meson setup build/bench-default -Dtests=disabled -Dexamples=disabled; } &&
        ninja -C build/bench-default
} >build/bench.log 2>&1 || {
    tail -n 40 build/bench.log >&2
    exit 1
}
exec python3 tests/bench/bench.py --release build/bench --default build/bench-default \
    --consul "$(tools/consul.sh build/consul)" "$@"
