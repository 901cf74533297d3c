#!/usr/bin/env bash
# Installs what fuzzing needs, builds one fuzz target and runs it with libFuzzer for that long, on from what earlier runs
# have found (build/fuzz/corpus). Ends with one line of figures. 1: it found something; the input that shows it is named.
#
# usage: tools/fuzz.sh TARGET SECONDS
#        tools/fuzz.sh --list    the targets, and the headers that each is for
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    echo "usage: tools/fuzz.sh TARGET SECONDS | --list" >&2
    echo "$*" >&2
    exit 64
}
# The comment that a target's file begins with says what it is for.
headers() { sed -n '/^\/\//!q; s|^// \(covers: \)\{0,1\}||p' "tests/fuzz/$1.cpp" | tr '\n' ' '; }
targets() { grep -l '^// covers: ' tests/fuzz/*.cpp | sed 's|.*/||; s|\.cpp$||'; }

case "$#:${1-}" in
1:--list)
    for each in $(targets); do printf '%-18s %s\n' "$each" "$(headers "$each")"; done
    exit
    ;;
2:*) ;;
*) usage "a target and a number of seconds are expected" ;;
esac
target=$1
seconds=$2
targets | grep -qx -- "$target" || usage "there is no target $target; there are:" $(targets)
[[ $seconds =~ ^[1-9][0-9]{0,5}$ ]] || usage "$seconds is no number of seconds from 1 to 999999"

tools/setup.sh --for coverage >&2
mkdir -p "build/fuzz/corpus/$target" build/fuzz/findings
{
    [ -e build/fuzz/build.ninja ] || CXX=clang++ meson setup build/fuzz -Doptimization=1 -Dexamples=disabled \
        -Db_sanitize=address,undefined -Db_lundef=false \
        -Dcpp_args="['-fno-sanitize-recover=all', '-fsanitize-ignorelist=$PWD/tests/ubsan_ignore.txt']"
    ninja -C build/fuzz "tests/fuzz/fuzz_$target" "tests/fuzz/cover_$target"
} >"build/fuzz/$target.build.log" 2>&1 || {
    tail -n 40 "build/fuzz/$target.build.log"
    exit 1
}

log=build/fuzz/$target.log
status=0
"build/fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
    -print_final_stats=1 -dict=tests/fuzz/words.dict -artifact_prefix="build/fuzz/findings/$target-" \
    "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
    grep -v '^#[0-9]' "$log" | tail -n 60
    echo "fuzz.sh: $target found something; it is in $(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
    exit 1
fi

# The lines of its headers that all of its inputs reach.
profile=build/fuzz/$target
LLVM_PROFILE_FILE=$profile.profraw "build/fuzz/tests/fuzz/cover_$target" --as-they-are "$target" \
    "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" >/dev/null
llvm-profdata merge -o "$profile.profdata" "$profile.profraw"
llvm-cov report "build/fuzz/tests/fuzz/cover_$target" -instr-profile="$profile.profdata" >"$profile.cover"
# Of each file: its name, 8: lines, 9: those that were missed.
covered=$(awk -v headers="$(headers "$target")" '
    BEGIN { count = split(headers, name, " ") }
    { for (i = 1; i <= count; ++i) if (("/" $1) ~ ("(^|/powerconsul)/" name[i] "$")) { lines += $8; missed += $9 } }
    END { printf "%.1f %% of %d lines in its %d headers", lines ? 100 * (lines - missed) / lines : 0, lines, count }
' "$profile.cover")
stat() { sed -n "s/^stat::$1: *//p" "$log"; }
reached=$(sed -n 's/.* \(cov: [0-9]* ft: [0-9]*\) .*/\1/p' "$log" | tail -n 1)
echo "$target: $seconds s, $(stat number_of_executed_units) executions, $(stat average_exec_per_sec) a second," \
    "${reached/ft:/and ft:}, $covered, $(stat new_units_added) new units"
