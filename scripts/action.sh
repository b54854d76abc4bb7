#!/usr/bin/env bash
# What action.yml runs: annotations on the lines, a summary of the job, and a
# SARIF file when SARIF=true. The inputs are PATHS, FAIL_ON and ARGS; lists have
# one element on each line. The exit status is that of `postern check`.
set -euo pipefail

list() { # NAME TEXT: the lines of a text that hold something, as an array
	local -n to=$1
	to=()
	local line
	while IFS= read -r line; do
		[ -z "$line" ] || to+=("$line")
	done <<<"$2"
}
list arguments "$ARGS"
list paths "$PATHS"

check() {
	postern check --fail-on "$FAIL_ON" --format "$1" "${arguments[@]}" -- "${paths[@]}"
}

status=0
check github || status=$?

# The other formats say the same; their exit status says nothing new.
check markdown >>"$GITHUB_STEP_SUMMARY" || true
if [ "$SARIF" = true ]; then
	file=$RUNNER_TEMP/postern.sarif
	check sarif >"$file" || true
	echo "sarif=$file" >>"$GITHUB_OUTPUT"
fi
exit "$status"
