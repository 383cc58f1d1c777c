#!/bin/sh
# The events that the code publishes and those in docs/reference/events.md are the same. Names are
# written in full where they are published, or nobody finds them.
# Usage: events.sh REPOSITORY
cd "$1" || exit 2
areas='(plugin|script|config|release|task|worker)'
composed=$(grep -rnE --include='*.cpp' "\"$areas\.\" *\+" core)
if [ -n "$composed" ]; then
  printf "%s\nwrite the whole name of an event where it is published\n" "$composed"
  exit 1
fi
# A reader of events names them, too; it publishes none. worker.token_file and worker.join_token_file are keys.
in_code=$(grep -rhoE --include='*.cpp' --exclude=event_kinds.cpp --exclude-dir=events "\"$areas\.[a-z_]+\"" core/app core/control core/plugin core/worker |
  tr -d '"' | grep -vx -e worker.control_plane_url -e worker.token_file -e worker.join_token_file | sort -u)
in_docs=$(grep -oE "^\| \`$areas\.[a-z_]+\`" docs/reference/events.md | grep -oE '[a-z_]+\.[a-z_]+' | sort -u)
listed=$(grep -hoE "\"$areas\.[a-z_]+\"" core/app/event_kinds.cpp core/control/events/config.cpp | tr -d '"' | sort -u)
if [ "$listed" != "$in_docs" ]; then
  echo "core/app/event_kinds.cpp and core/control/events/config.cpp list others than docs/reference/events.md:"
  printf '%s\n%s\n' "$listed" "$in_docs" | sort | uniq -u
  exit 1
fi
[ -n "$in_code" ] && [ "$in_code" = "$in_docs" ] && exit 0
for name in $in_code; do
  echo "$in_docs" | grep -qx "$name" || echo "docs/reference/events.md lacks $name"
done
for name in $in_docs; do
  echo "$in_code" | grep -qx "$name" || echo "nothing publishes $name of docs/reference/events.md"
done
exit 1
