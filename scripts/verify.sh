#!/usr/bin/env bash
# Puts the examples, and every network in the test data, to all of postern's
# judges: scripts/verify.sh [PATH...]. Fails where two of them contradict each
# other.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${GO:-go} build -o "$work/postern" ./cmd/postern

if [ $# = 0 ]; then
	set -- examples
	# Archives of files, as the tests read them.
	for archive in testdata/*/*.txtar; do
		into="$work/data/${archive%.txtar}"
		mkdir -p "$into"
		awk -v into="$into" '
			/^-- .* --$/ { file = into "/" $2; dir = file; sub(/\/[^\/]*$/, "", dir); system("mkdir -p \"" dir "\""); next }
			file { print > file }' "$archive"
		set -- "$@" "$into"
	done
fi
for path in "$@"; do
	status=0
	out=$("$work/postern" verify "$path" 2>"$work/messages") || status=$?
	case $status in
	0) ;;
	2) # what the input is at fault for is no disagreement
		if grep -q 'solver was lost' <<<"$out"; then status=3; fi ;;
	esac
	if [ $status != 0 ] && [ $status != 2 ]; then
		echo "$path:"
		cat "$work/messages"
		echo "$out"
		exit 1
	fi
	echo "verify ${path#"$work"/data/}: $(grep -o '[0-9]* questions\? to the solver, [0-9]* packets\? walked' <<<"$out" || true)"
done
