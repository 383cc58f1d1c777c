#!/bin/sh
# make_headers.sh IN OUT: the ABI headers below IN as a later minor might have them, below OUT: its
# number is one higher, and each struct that begins with its size has something more at its end, the
# tables of functions more functions. What is added stands under SKEP_MINOR, as all that is added.
set -eu
in=$1 out=$2
for header in "$in"/skep/abi/*.h "$in"/skep/kind/*.h "$in"/skep/svc/*.h; do
  to=$out/${header#"$in"/}
  mkdir -p "$(dirname "$to")"
  awk '
    /^#define SKEP_ABI_MINOR / { $3 = $3 + 1 }
    /^(typedef )?struct skep_[a-z0-9_]+ \{$/ { name = $(NF - 1); inside = 1; sized = 0 }
    inside && /^  uint32_t size;/ { sized = 1 }
    inside && /^\}/ {
      if (sized) {
        print "#if SKEP_MINOR >= 1"
        if (name ~ /_(v[0-9]+|ops|host)$/) {
          print "  void (*later)(void);\n  void (*later_too)(void);"
        } else {
          print "  uint64_t later;\n  skep_view later_text;"
        }
        print "#endif"
      }
      inside = 0
    }
    { print }' "$header" >"$to.new"
  if cmp -s "$to.new" "$to"; then rm "$to.new"; else mv "$to.new" "$to"; fi
done
