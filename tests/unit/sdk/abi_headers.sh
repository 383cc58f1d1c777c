#!/bin/sh
# abi_headers.sh COMPILER LANGUAGE STANDARD INCLUDE_DIR: every ABI header compiles by itself.
set -eu
compiler=$1 language=$2 standard=$3 include=$4
count=0
for header in "$include"/skep/*.h "$include"/skep/abi/*.h "$include"/skep/kind/*.h "$include"/skep/svc/*.h \
  "$include"/skep/testkit/*.h; do
  printf '#include "%s"\n' "${header#"$include"/}" |
    "$compiler" -x "$language" -std="$standard" -pedantic -Wall -Wextra -Werror -fsyntax-only \
      -I "$include" -
  count=$((count + 1))
done
test "$count" -ge 14 || { echo "only $count headers found below $include" >&2; exit 1; }
