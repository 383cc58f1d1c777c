#!/bin/sh
# sdk_consumer.sh BUILD_DIR SOURCE_DIR PROBE
#
# Installs the component sdk into an empty folder, builds copies of the examples against it alone,
# and runs them in a real registry.
set -eu
build=$1 source=$2 probe=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() { echo "sdk_consumer: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/prefix" --component sdk >"$work/install.log" 2>&1 ||
  { cat "$work/install.log" >&2; die "the component sdk does not install"; }
strangers=$(find "$work/prefix" -type f ! -path "$work/prefix/include/skep/*" \
  ! -path '*/cmake/skep-sdk/*' ! -path "$work/prefix/share/skep/testkit/*" \
  ! -path "$work/prefix/share/skep/templates/*" ! -path "$work/prefix/share/doc/skep/*" ! -path "$work/prefix/share/skep/lua/skep.lua")
test -z "$strangers" || die "the SDK installs more than headers and CMake files: $strangers"

# Every link of an installed page, and every page that a message names, is there.
pages="$work/prefix/share/doc/skep"
find "$pages" -name '*.md' | while read -r page; do
  grep -oE '\]\([^)#: ]+[)#]' "$page" | sed 's/^..//; s/.$//' | while read -r link; do
    test -e "$(dirname "$page")/$link" || echo "${page#"$pages"/} -> $link"
  done
done >"$work/broken"
test ! -s "$work/broken" || die "links that lead nowhere: $(cat "$work/broken")"
for named in $(grep -rhoE 'share/doc/skep/[a-z/-]+\.md' "$source/core" "$source/sdk/templates" "$source/sdk/cmake"); do
  test -f "$work/prefix/$named" || die "a message names $named, which is not installed"
done

# consume EXAMPLE COMPILER_ARGS..: builds a copy of the example outside of every source tree.
consume() {
  example=$1 out="$work/$2"
  shift 2
  mkdir -p "$out"
  cp "$source/sdk/examples/$example"/* "$out/"
  cmake -S "$out" -B "$out/b" -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@" >"$out/log" 2>&1 &&
    cmake --build "$out/b" >>"$out/log" 2>&1 || { cat "$out/log" >&2; die "$example does not build"; }
  includes=$(grep -oE -- '-(I|isystem) ?[^ ]+' "$out/b/compile_commands.json" | sort -u)
  case $includes in
    "-I$work/prefix/include" | "-isystem $work/prefix/include") ;;
    *) die "$example sees other headers: $includes" ;;
  esac
  exported=$(nm -D --defined-only "$out/b/$example.so" | awk '{print $3}')
  test "$exported" = skep_plugin_entry_v1 || die "$example exports: $exported"
  readelf -n "$out/b/$example.so" | grep -q SKEP || die "$example has no note"
  mkdir -p "$out/plugins"
  mv "$out/b/$example.so" "$out/plugins/"
}

# expect FOLDER TYPE PARAMS RESULT
expect() {
  got=$("$probe" "$work/$1/plugins" "$work/$1/staging" "$2" "$3") || die "$1: $2 failed"
  test "$got" = "$4" || die "$1: $2 answered $got, not $4"
  echo "ok: $1: $2 $3 -> $got"
}

lines=$(grep -c . "$source/sdk/examples/hello/hello.cpp")
test "$lines" -lt 20 || die "the first plugin has $lines lines"

consume hello cpp
expect cpp hello '{"name":"bob"}' '{"greeting":"hello bob"}'
expect cpp hello '{}' '{"greeting":"hello world"}'
strip "$work/cpp/plugins/hello.so"
expect cpp hello '{}' '{"greeting":"hello world"}'

consume hello_c c
expect c hello_c '{"language":"de"}' '{"greeting":"hallo"}'

if command -v clang >/dev/null && command -v clang++ >/dev/null; then
  consume hello_c c-clang -DCMAKE_C_COMPILER=clang
  expect c-clang hello_c '{}' '{"greeting":"hello"}'
  consume hello cpp-clang -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
  expect cpp-clang hello '{}' '{"greeting":"hello world"}'
  if echo '#include <version>' | clang++ -stdlib=libc++ -x c++ -fsyntax-only - 2>/dev/null; then
    consume hello cpp-libcxx -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
      -DCMAKE_CXX_FLAGS=-stdlib=libc++
    readelf -d "$work/cpp-libcxx/plugins/hello.so" | grep -q 'libc++' || die "libc++ is not used"
    expect cpp-libcxx hello '{}' '{"greeting":"hello world"}'
  else
    echo "SKIPPED: no libc++ here (libc++-dev, libc++abi-dev)"
  fi
else
  echo "SKIPPED: no clang here"
fi

# What an author gets wrong first.
mkdir -p "$work/wrong"
cp "$source/sdk/examples/hello"/* "$work/wrong/"
sed -i '/"license"/d' "$work/wrong/plugin.json"
if cmake -S "$work/wrong" -B "$work/wrong/b" -DCMAKE_PREFIX_PATH="$work/prefix" \
  >"$work/wrong/log" 2>&1; then
  die "a manifest without license was accepted"
fi
grep -q "license" "$work/wrong/log" || die "the error does not name the missing member"
echo "ok: a manifest without license is refused at configure time"
