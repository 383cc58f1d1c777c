#!/usr/bin/env bash
# Called by ./dev bench BUILD [NAME-PREFIX] [--against FILE] [--to FILE]: every figure of
# docs/performance.md, from one run. On stdout and in FILE (BUILD/bench.txt) nothing but lines
# `bench NAME VALUE UNIT`; what else the programs say is in BUILD/bench.log.
set -euo pipefail
build=$1
shift
here=$(dirname "$0")
to=$build/bench.txt against='' prefix=()
while [ $# -gt 0 ]; do
  case $1 in
    --against) against=$2; shift 2 ;;
    --to) to=$2; shift 2 ;;
    -*) echo "unknown option $1; known: --against FILE, --to FILE" >&2; exit 2 ;;
    *) prefix=("$1"); shift ;;
  esac
done
log=$build/bench.log
earlier=$(mktemp)
trap 'rm -f "$earlier"' EXIT
# Before it may be written over.
[ -z "$against" ] || cp "$against" "$earlier"
printf '%s, %s CPUs, %s, load %s\n' "$(uname -srm)" "$(nproc)" "$(date -u +%F)" \
  "$(cut -d' ' -f1-3 /proc/loadavg)" | tee "$log" >&2

# run PROGRAM ARGUMENT..: a headline for people, and the figures.
run() {
  echo "measuring: ${*##*/} (load $(cut -d' ' -f1 /proc/loadavg))" | tee -a "$log" >&2
  "$@" 2>>"$log" | tee -a "$log" | grep --line-buffered '^bench ' ||
    { tail -3 "$log" >&2; echo "${1##*/} failed; see $log" >&2; return 1; }
}

# Google Benchmark's table, as `bench NAME VALUE UNIT`.
google() {
  [ -x "$1" ] || { echo "${1##*/} was not built (libbenchmark-dev is missing)" >&2; return 0; }
  echo "measuring: ${1##*/}" | tee -a "$log" >&2
  "$1" --benchmark_format=csv 2>>"$log" |
    awk -F, '$1 ~ /^"/ { gsub(/"/, "", $1); printf "bench %s %.1f %s\n", $1, $3, $5
                         if ($7 != "") printf "bench %s/items %.0f items/s\n", $1, $7 }'
}

all() {
  run "$build/bin/http_bench" "$build" "${prefix[@]}"
  [ ${#prefix[@]} -eq 0 ] || return 0
  run "$build/bin/facts_bench"
  run "$build/bin/isolation_bench"
  run "$build/bin/script_bench"
  run "$build/bin/reload_bench"
  run taskset -c 0 "$build/bin/isolation_bench" | sed 's/^bench /bench one_cpu_/'
  google "$build/bin/plugin_call_bench"
  google "$build/bin/queue_bench"
}
all | tee "$to"
[ -z "$against" ] || "$here/against.sh" "$earlier" "$to"
