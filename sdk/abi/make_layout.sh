#!/bin/sh
# make_layout.sh INCLUDE_DIR: a C program, on stdout, that prints size and offsets of every struct of
# the ABI headers as JSON. Of a struct that grows it also prints what its readers ask for,
# SKEP_SIZE_1_0_*, without which it does not compile.
set -eu
cd "$1"
headers=$(find skep/abi skep/kind skep/svc -name '*.h' | LC_ALL=C sort)
echo '#include <stddef.h>'
echo '#include <stdio.h>'
for header in $headers; do echo "#include \"$header\""; done
cat <<'C'
static const char* separator = "";
static void begin(const char* name, size_t size) {
  printf("%s  \"%s\": {\n    \"sizeof\": %zu", separator, name, size);
  separator = ",\n";
}
static void size_1_0(size_t size) { printf(",\n    \"size_1_0\": %zu", size); }
static void field(const char* name, size_t offset, size_t size) {
  printf(",\n    \"%s\": [%zu, %zu]", name, offset, size);
}
static void end(void) { printf("\n  }"); }
#define BEGIN(type) begin(#type, sizeof(struct type))
#define FIELD(type, name) field(#name, offsetof(struct type, name), sizeof(((struct type*)0)->name))
int main(void) {
  puts("{");
C
# shellcheck disable=SC2086  # a list
awk '
  /^(typedef )?struct skep_[a-z0-9_]+ \{$/ {
    name = $(NF - 1); inside = 1
    print "  BEGIN(" name ");"
    next
  }
  inside && /^\}/ { inside = 0; print "  end();" }
  inside && /^  [a-z].*\(\*[a-z0-9_]+\)\(/ {
    match($0, /\(\*[a-z0-9_]+\)/)
    print "  FIELD(" name ", " substr($0, RSTART + 2, RLENGTH - 3) ");"
    next
  }
  inside && /^  [a-z][^(]*;/ {
    line = $0
    sub(/;.*/, "", line)
    n = split(line, words, /[ *]+/)
    if (words[n] == "size") print "  size_1_0(SKEP_SIZE_1_0_" toupper(substr(name, 6)) ");"
    print "  FIELD(" name ", " words[n] ");"
  }' $headers
cat <<'C'
  puts("\n}");
  return 0;
}
C
