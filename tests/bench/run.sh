#!/usr/bin/env bash
# Called by ./dev bench BUILD [NAME-PREFIX]: every figure of docs/performance.md, from one run.
set -euo pipefail
build=$1
shift
printf '# %s, %s CPUs, %s, load %s\n' "$(uname -srm)" "$(nproc)" "$(date -u +%F)" "$(cut -d' ' -f1-3 /proc/loadavg)"
"$build/bin/http_bench" "$build" "$@"
[ $# -eq 0 ] || exit 0
for program in isolation_bench script_bench reload_bench; do
  echo "# $program, load $(cut -d' ' -f1-3 /proc/loadavg)"
  "$build/bin/$program"
done
echo "# isolation_bench with all of it on one CPU"
taskset -c 0 "$build/bin/isolation_bench" | sed 's/^bench /bench one_cpu_/'
# Google Benchmark's console lines, as `bench NAME VALUE UNIT`.
for program in plugin_call_bench queue_bench; do
  [ -x "$build/bin/$program" ] || { echo "# $program was not built (libbenchmark-dev is missing)"; continue; }
  "$build/bin/$program" --benchmark_format=csv 2>/dev/null |
    awk -F, '$1 ~ /^"/ { gsub(/"/, "", $1); printf "bench %s %.1f %s\n", $1, $3, $5
                         if ($7 != "") printf "bench %s/items %.0f items/s\n", $1, $7 }'
done
