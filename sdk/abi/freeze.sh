#!/bin/sh
# freeze.sh 1.N: keeps the ABI headers of today as those of version 1.N, in museum/v1.N/include and
# layout-1.N.json. For a release; of a version that was released nothing is ever changed.
set -eu
version=$1
cd "$(dirname "$0")"
to=museum/v$version/include
rm -rf "$to"
for folder in abi kind svc; do
  mkdir -p "$to/skep/$folder"
  cp ../include/skep/$folder/*.h "$to/skep/$folder/"
done
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
sh make_layout.sh ../include >"$made/layout.c"
"${CC:-cc}" -std=c11 -I ../include -o "$made/layout" "$made/layout.c"
"$made/layout" >"layout-$version.json"
