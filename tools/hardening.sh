#!/usr/bin/env bash
# Looks into programs: was each built as one that runs as root and reads what others write should be. Exit 1 if not.
#
# usage: tools/hardening.sh <program>...
set -euo pipefail

if [ $# -eq 0 ] || [[ $1 == -* ]]; then
    echo "usage: tools/hardening.sh <program>..." >&2
    exit 64
fi

bad=0
# has PROGRAM WHAT YES_OR_NO
has() {
    printf '%s: %s: %s\n' "$1" "$2" "$3"
    [ "$3" = yes ] || bad=1
}
# found TEXT EXPRESSION: yes or no
found() { grep --extended-regexp --quiet "$2" <<<"$1" && echo yes || echo no; }

for program in "$@"; do
    elf=$(readelf --wide --file-header --program-headers --dynamic "$program")
    # What a static program calls stands in itself.
    if grep --quiet INTERP <<<"$elf"; then
        symbols=$(readelf --wide --dyn-syms "$program")
        taken=UND
    else
        symbols=$(readelf --wide --syms "$program")
        taken='FUNC .*'
    fi
    name=$(basename "$program")
    has "$name" "position independent (PIE)" "$(found "$elf" 'FLAGS_1.*\<PIE\>')"
    has "$name" "relocations read-only (RELRO)" "$(found "$elf" 'GNU_RELRO')"
    has "$name" "and all of them before it starts (BIND_NOW)" "$(found "$elf" '\<BIND_NOW\>|Flags:.*\<NOW\>')"
    has "$name" "stack without execution" "$(found "$elf" 'GNU_STACK .* RW +0')"
    has "$name" "no memory both written and executed" "$([ "$(found "$elf" ' RWE ')" = no ] && echo yes || echo no)"
    has "$name" "stack protector" "$(found "$symbols" "$taken __stack_chk_fail")"
    has "$name" "fortified calls (_FORTIFY_SOURCE)" "$(found "$symbols" "$taken __[a-z_]*(printf|read|realpath|memcpy|syslog|fdelt)_chk")"
    # What an assertion of std::vector's or std::string_view's operator[] says, if there are assertions.
    has "$name" "the C++ library's assertions (_GLIBCXX_ASSERTIONS)" \
        "$(grep --binary-files=text --quiet --fixed-strings '__n < this->size()' "$program" && echo yes || echo no)"
done
exit "$bad"
