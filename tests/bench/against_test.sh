#!/bin/sh
# ./dev bench --against names what moved by more than a tenth, and which way.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/before" <<'TEXT'
a line of a log
bench ready 100.0 ms
bench steady 100.0 ms
bench tasks 1000 tasks/s
bench quick 50.0 us
bench lost 1 ms
TEXT
cat >"$folder/now" <<'TEXT'
bench ready 111.0 ms
bench steady 109.0 ms
bench tasks 800 tasks/s
bench quick 40.0 us
bench fresh 1 ms
TEXT
expect() { echo "$said" | grep -qE "$1" || { echo "not said: $1"; echo "$said"; exit 1; }; }
said=$("$(dirname "$0")/against.sh" "$folder/before" "$folder/now")
expect '^WORSE +ready +100.0 -> 111.0 ms \(\+11 %\)$'
expect '^WORSE +tasks +1000 -> 800 tasks/s \(-20 %\)$'
expect '^better +quick '
expect '^new +fresh '
expect '^gone +lost '
[ "$(echo "$said" | grep -c steady)" = 0 ]
said=$("$(dirname "$0")/against.sh" "$folder/now" "$folder/now")
expect '^nothing moved'
