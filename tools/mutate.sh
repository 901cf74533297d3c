#!/usr/bin/env bash
# Changes the code that decides, in many small ways, and lists the changes that no unit test notices. Ends with 1 if
# there is one.
#
# usage: tools/mutate.sh [--only HEADER[,HEADER]] [--list] [--mutant ID[,ID]] [--without 'TEST CASE'] [--jobs N]
#
# What the options mean and how it works is in tests/mutation/mutate.py.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
--list | -h | --help) ;;
*) tools/setup.sh --for tests >&2 ;;
esac
exec env PYTHONDONTWRITEBYTECODE=1 nice python3 tests/mutation/mutate.py "$@"
