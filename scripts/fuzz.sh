#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: scripts/fuzz.sh [TIME].
# The targets are asked for, not listed here, so none can be forgotten.
set -euo pipefail
time=${1:-4s}

# `go test -list` prints the targets of a package, then a line "ok PACKAGE ...".
# Packages without tests print "? PACKAGE ..." instead.
targets=$(go test -list '^Fuzz' ./... | awk '
	$1 == "ok" { for (i = 1; i <= n; i++) print $2, names[i]; n = 0; next }
	/^Fuzz/ { names[++n] = $1; next }
	$1 != "?" && $2 != "coverage:" { print > "/dev/stderr"; exit 1 }')

if [ -z "$targets" ]; then
	echo "no fuzz targets found" >&2
	exit 1
fi
while read -r package target; do
	echo "fuzz $target ${package##*postern/}"
	if ! out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 2s "$package" 2>&1); then
		# The deadline can fall into the start of a worker, which the go
		# command takes for a failure although no input failed.
		if [[ $out == *"context deadline exceeded"* && $out != *"Failing input"* ]]; then
			continue
		fi
		echo "$out"
		exit 1
	fi
done <<<"$targets"
