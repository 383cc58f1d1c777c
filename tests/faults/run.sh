#!/usr/bin/env bash
# Called by ./dev faults BUILD: the long campaign. Figures go into docs/faults.md by hand.
set -euo pipefail
build=$1
cd "$(dirname "$0")/../e2e"
export SKEP_BUILD=$(cd "$OLDPWD" && cd "$build" && pwd) PYTHONDONTWRITEBYTECODE=1
SKEP_FAULT_ROUNDS=${SKEP_FAULT_ROUNDS:-20} SKEP_AWAY_SECONDS=${SKEP_AWAY_SECONDS:-60} python3 faults_test.py
