#!/usr/bin/env bash
# Called by ./dev faults BUILD: the long campaign. Figures go into docs/faults.md by hand.
set -euo pipefail
build=$1
cd "$(dirname "$0")/../e2e"
export BUILD_DIR=$(cd "$OLDPWD" && cd "$build" && pwd) PYTHONDONTWRITEBYTECODE=1
FAULT_ROUNDS=${FAULT_ROUNDS:-20} AWAY_SECONDS=${AWAY_SECONDS:-60} python3 faults_test.py
