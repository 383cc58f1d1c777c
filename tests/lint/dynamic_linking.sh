#!/bin/sh
# Ways to load code that have broken other hosts (docs/plugin-reload.md, hazards 16, 18 and 20):
# RTLD_DEEPBIND, namespaces of dlmopen, probes by RTLD_NOLOAD that keep a reference, and unmapping.
# Usage: dynamic_linking.sh DIRECTORY..
found=$(grep -rniE --include='*.[ch]pp' --include='*.[ch]' \
  'rtld_deepbind|dlmopen|rtld_noload|dlclose|\.unload\(\)' "$@")
[ -z "$found" ] && exit 0
printf "%s\n" "$found"
echo "load by core/plugin/loader.cpp only, and unmap nothing"
exit 1
