#!/usr/bin/env bash
# core/ takes its locks from core/base/mutex.hpp, where clang sees them. locks.allow names the files
# that are not converted yet: it only gets shorter. `locks.sh --shrink` takes out what is converted.
set -euo pipefail
cd "$(dirname "$0")/../.."
list=tests/lint/locks.allow
raw='std::(recursive_|shared_|timed_|shared_timed_)?mutex\b|std::condition_variable|std::(lock_guard|unique_lock|scoped_lock|shared_lock)\b'

found=$(grep -rlE "$raw" core --include='*.cpp' --include='*.hpp' | grep -vx core/base/mutex.hpp | LC_ALL=C sort)
allowed=$(grep -v '^#' $list | LC_ALL=C sort || true)
new=$(LC_ALL=C comm -23 <(echo "$found") <(echo "$allowed"))
gone=$(LC_ALL=C comm -13 <(echo "$found") <(echo "$allowed"))
if [ -n "$new" ]; then
  for file in $new; do grep -nHE "$raw" "$file"; done
  echo "use Mutex, MutexLock, CondVar and SKEP_GUARDED_BY of core/base/mutex.hpp"
  exit 1
fi
if [ "${1:-}" = --shrink ]; then
  { grep '^#' $list; LC_ALL=C comm -12 <(echo "$found") <(echo "$allowed"); } >$list.new
  mv $list.new $list
elif [ -n "$gone" ]; then
  echo "converted and still in $list: $(echo $gone); run tests/lint/locks.sh --shrink"
  exit 1
fi
