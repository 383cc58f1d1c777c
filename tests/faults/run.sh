#!/usr/bin/env bash
# Called by ./dev faults BUILD [disk] [options]: the long campaign. Figures go into docs/faults.md by hand.
set -euo pipefail
build=$(cd "$1" && pwd)
shift
here=$(cd "$(dirname "$0")" && pwd)
export BUILD_DIR=$build PYTHONDONTWRITEBYTECODE=1
if [ "${1:-}" = disk ]; then
  shift
  exec python3 "$here/small_disk.py" "$@"
fi
FAULT_ROUNDS=${FAULT_ROUNDS:-20} AWAY_SECONDS=${AWAY_SECONDS:-60} python3 "$here/../e2e/faults_test.py"
exec python3 "$here/campaign.py" "$@"
