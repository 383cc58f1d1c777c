#!/bin/sh
# What every start of a program would pay for and few need is loaded when it is used: libcurl brings
# thirty libraries along, and each child of a plugin is a start.
# Usage: light_start.sh PROGRAM..
for program in "$@"; do
  if readelf -d "$program" | grep 'NEEDED.*libcurl'; then
    echo "$program is linked with libcurl; core/net/curl_library.cpp loads it"
    exit 1
  fi
done
