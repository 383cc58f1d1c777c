#!/bin/sh
# against.sh EARLIER NOW: the figures that moved by more than a tenth, and those that only one has.
# More of what has the unit "../s" is better, of everything else less.
awk '
  $1 != "bench" { next }
  FNR == NR { before[$2] = $3; next }
  !($2 in before) { printf "new     %-44s %s %s\n", $2, $3, $4; next }
  {
    was = before[$2]; seen[$2] = 1
    if (was == 0 || $3 / was > 1.1 || $3 / was < 1 / 1.1) {
      better = ($4 ~ /\/s$/) == ($3 + 0 > was + 0)
      change = was == 0 ? "" : sprintf(" (%+.0f %%)", ($3 / was - 1) * 100)
      printf "%-7s %-44s %s -> %s %s%s\n", better ? "better" : "WORSE", $2, was, $3, $4, change
      moved++
    }
  }
  END {
    for (name in before) if (!(name in seen)) printf "gone    %-44s %s\n", name, before[name]
    if (!moved) print "nothing moved by more than a tenth"
  }' "$1" "$2"
