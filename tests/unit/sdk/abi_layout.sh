#!/bin/sh
# abi_layout.sh PROGRAM GOLDEN: the layout is the released one.
set -eu
if ! "$1" | diff -u "$2" -; then
  echo "The layout of ABI structs changed. Released layouts are frozen (sdk/ABI.md)." >&2
  exit 1
fi
