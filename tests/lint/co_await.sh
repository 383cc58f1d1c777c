#!/bin/sh
# g++ 12 miscompiles some braces and captures inside a co_await expression (double free). Name the
# object on its own line and std::move it. A line that is harmless says: // co_await-ok
# Usage: co_await.sh DIRECTORY..
found=$(grep -rnP --include='*.cpp' --include='*.hpp' \
  'co_await[^;]*([\w>]\{|\(\{|, ?\{|\[[^&\]])|[\w>]\{[^;}]*co_await' "$@" | grep -v 'co_await-ok')
[ -z "$found" ] && exit 0
printf "%s\n" "$found"
echo "co_await with a brace or a by-value capture in the same expression: name the object first"
exit 1
