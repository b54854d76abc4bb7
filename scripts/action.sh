#!/usr/bin/env bash
# What action.yml runs: annotations on the lines, a summary of the job, and a
# SARIF file when SARIF=true. The inputs are PATHS, FAIL_ON and ARGS; lists have
# one element on each line. The exit status is that of `postern check`.
set -euo pipefail

arguments=(check --fail-on "$FAIL_ON")
while IFS= read -r line; do
	[ -z "$line" ] || arguments+=("$line")
done <<<"$ARGS"$'\n'"$PATHS"

status=0
postern "${arguments[@]}" --format github || status=$?

# The other formats say the same; their exit status says nothing new.
postern "${arguments[@]}" --format markdown >>"$GITHUB_STEP_SUMMARY" || true
if [ "$SARIF" = true ]; then
	file=$RUNNER_TEMP/postern.sarif
	postern "${arguments[@]}" --format sarif >"$file" || true
	echo "sarif=$file" >>"$GITHUB_OUTPUT"
fi
exit "$status"
