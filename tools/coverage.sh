#!/usr/bin/env bash
# Builds the unit tests with clang's source-based coverage, runs them, and prints which part of the lines and of the
# branches of each header they run, and of each room. Ends with 1 if a test fails or if less than 95 % of the branches
# of the rooms core and decision are taken.
#
# usage: tools/coverage.sh [--missing [HEADER ...]]
#
# --missing: also prints each line with a branch that was not taken both ways, of all or of the given headers
#
# What counts: a condition, or one operand of && and ||, has two branches, taken and not taken; so has a case of a switch,
# and a switch without default one for values that no case names. What the compiler evaluates by itself (a static_assert,
# a constexpr variable, a call that it folds) runs nothing, and conditions that are constants are no branches. Exceptions
# are no branches either: clang counts what the source says, so nothing has to be left out. Of a template the best
# instantiation counts, not all of them together; one that no test instantiates does not appear at all.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n 's/^# usage: /usage: /p' "$0"; }
missing=()
case ${1:-} in
"") ;;
-h | --help)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    exit 0
    ;;
--missing)
    missing=("$@")
    ;;
*)
    usage >&2
    exit 64
    ;;
esac

tools/setup.sh --for coverage >&2
# Of the compiler's own version, if there are several.
version=$(clang++ -dumpversion)
tool() { command -v "$1-${version%%.*}" || command -v "$1"; }
profdata=$(tool llvm-profdata)
cov=$(tool llvm-cov)

folder=build/coverage
mkdir -p build
again=()
[ -e "$folder/build.ninja" ] && again=(--reconfigure)
programs() { ninja -C "$folder" -t targets rule cpp_LINKER | sed -n '\|^tests/test_|p'; }
{
    # Meson runs a program of its own, which would leave a profile here.
    CXX=clang++ LLVM_PROFILE_FILE=/dev/null meson setup "${again[@]}" "$folder" -Dauto_features=enabled \
        -Dexamples=disabled -Djoined=true -Ddebug=false -Doptimization=0 \
        "-Dcpp_args=['-fprofile-instr-generate', '-fcoverage-mapping']" \
        "-Dcpp_link_args=['-fprofile-instr-generate']"
    programs | xargs ninja -C "$folder"
} >"$folder.log" 2>&1 || {
    tail -n 40 "$folder.log" >&2
    exit 1
}

rm -rf "$folder/profiles"
mkdir "$folder/profiles"
objects=()
mapfile -t programs < <(programs)
cd "$folder"
for program in "${programs[@]}"; do
    # One file for each process, since tests start programs, and some of them themselves.
    if ! LLVM_PROFILE_FILE="$PWD/profiles/%p.profraw" "$program" >"profiles/log" 2>&1; then
        tail -n 40 profiles/log >&2
        echo "coverage.sh: $program failed" >&2
        exit 1
    fi
    objects+=(--object "$program")
done
"$profdata" merge --sparse profiles/*.profraw -o profiles/all.profdata
# Which functions of a program are not in it as another one has them is of no interest.
"$cov" export --summary-only --instr-profile=profiles/all.profdata "${objects[@]}" >profiles/summary.json 2>profiles/log ||
    { cat profiles/log >&2; exit 1; }
"$cov" show --show-branches=count --show-instantiations=false --instr-profile=profiles/all.profdata "${objects[@]}" \
    >profiles/lines.txt 2>profiles/log || { cat profiles/log >&2; exit 1; }
cd - >/dev/null
exec python3 tests/count_coverage.py --headers include/powerconsul/meson.build --summary "$folder/profiles/summary.json" \
    --lines "$folder/profiles/lines.txt" --least core=95 --least decision=95 "${missing[@]}"
