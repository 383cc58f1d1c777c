#!/usr/bin/env bash
# Who may include whom. A new edge is a line here, and a reviewed one.
set -uo pipefail
cd "$(dirname "$0")/../.."

# folder: folders of core/ it may include ("*" = any); "sdk" = skep/..
declare -A allowed=(
  [base]="base"
  [model]="base model"
  [ports]="base model ports"
  [api]="base model ports api"
  [config]="base config"
  [trust]="base config trust"
  [net]="base net"
  [proc]="base proc sdk"
  [plugin]="base model ports api net/http proc plugin sdk"
  [conformance]="base model ports api proc plugin conformance sdk"
  [plughost]="base ports proc plugin sdk plughost"
  [control]="base model ports api config/config net/http control"
  [worker]="base model ports api net/http config/config worker"
  [supervise]="base proc supervise"
  [app]="*" [cli]="*" [bin]="*"
)
# header prefix -> files that may include it
declare -A owners=(
  [boost/asio]="core/net/http_server core/net/asio_impl core/net/session core/net/listener"
  [curl/]="core/net/http_client core/net/curl_library"
  [boost/dll]="core/plugin/loader"
  [toml]="core/config/toml_file"
  [CLI/]="core/cli/base/parse"
  [spdlog/]="core/base/log"
  [re2/]="core/api/schema"
  [prometheus/]="core/api/metric_snapshot core/control/"
  [sodium.h]="core/base/base64 core/base/id core/base/sha256 core/plugin/stage core/trust/ plugins/spool_file"
  [sqlite3.h]="plugins/sqlite tests/"
  [lua.hpp]="plugins/lua"
)
bad=0
complain() { echo "$1"; bad=1; }

while IFS=: read -r file line text; do
  folder=${file#core/}; folder=${folder%%/*}
  # What the configuration says of a feature stands in its folder and belongs to core/config.
  case $file in core/control/*/config.[ch]pp) folder=config ;; esac
  header=$(sed -E 's/.*[<"]([^">]+)[">].*/\1/' <<<"$text")
  case $header in
    core/*) target=${header#core/} ;;
    skep/*) target=sdk/ ;;
    *) continue ;;
  esac
  case $folder:$target in config:control/*/config.hpp) continue ;; esac
  [ "${allowed[$folder]-}" = "*" ] && continue
  ok=''
  for entry in ${allowed[$folder]-}; do
    case $target in "$entry"/* | "$entry".hpp) ok=1 ;; esac
  done
  [ -n "$ok" ] || complain "$file:$line: $folder may not include $header"
done < <(grep -rnE '^#include [<"](core|skep)/' core)

# In core/cli a noun includes base and itself; base itself alone; commands.cpp the nouns' lists.
while IFS=: read -r file line text; do
  header=$(sed -E 's/.*[<"]([^">]+)[">].*/\1/' <<<"$text")
  from=${file#core/cli/} to=${header#core/cli/}
  case $from in */*) from=${from%%/*} ;; *) from='' ;; esac
  case $to in */*) to=${to%%/*} ;; *) to='' ;; esac
  case $from:$to in
    "$from:$from" | *:base) ;;
    :*) case $header in */commands.hpp) ;; *) complain "$file:$line: of the noun $to only commands.hpp, not $header" ;; esac ;;
    *) complain "$file:$line: core/cli/$from may include base and itself, not $header" ;;
  esac
done < <(grep -rnE '^#include "core/cli/' core/cli)
while IFS=: read -r file line text; do
  complain "$file:$line: nobody includes the command line but main: $text"
done < <(grep -rnE '^#include "core/cli/' core --exclude-dir=cli | grep -v '^core/bin/skep.cpp:')

while IFS=: read -r file line text; do
  header=$(sed -E 's/.*[<"]([^">]+)[">].*/\1/' <<<"$text")
  case $header in
    skep/* | sqlite3.h | sodium.h) ;;
    core/*) complain "$file:$line: a plugin may include the SDK only, not $header" ;;
  esac
done < <(grep -rnE '^#include [<"]' plugins --include=*.cpp --include=*.hpp | grep -v _test.cpp)

for prefix in "${!owners[@]}"; do
  while IFS=: read -r file line _; do
    ok=''
    for owner in ${owners[$prefix]}; do case $file in "$owner"*) ok=1 ;; esac; done
    [ -n "$ok" ] || complain "$file:$line: $prefix belongs to: ${owners[$prefix]}"
  done < <(grep -rnE "^#include [<\"]$prefix" core plugins)
done
[ $bad = 0 ] && echo "includes: ok"
exit $bad
