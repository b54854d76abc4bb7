#!/usr/bin/env bash
# Makes sure that the solver programs are there that the tests compare postern's
# answers with: z3, and cvc5, which reads the same questions. Without them those
# tests skip, which is fine on a desk and not in CI. With "linked" as argument,
# libz3 as well, which the build tag z3 links.
set -euo pipefail

missing() {
	command -v z3 >/dev/null || echo z3
	command -v cvc5 >/dev/null || echo cvc5
	if [ "${1:-}" = linked ] && ! echo '#include <z3.h>' | ${CC:-cc} -E - >/dev/null 2>&1; then echo libz3-dev; fi
}

packages=$(missing "$@")
if [ -z "$packages" ]; then
	exit 0
fi

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo -n "$@"
	fi
}

if command -v apt-get >/dev/null; then
	# shellcheck disable=SC2086 # one word for each package
	as_root apt-get install -y -qq $packages >/dev/null 2>&1 ||
		{ as_root apt-get update -qq && as_root apt-get install -y -qq $packages >/dev/null; } || true
fi

packages=$(missing "$@")
if [ -z "$packages" ]; then
	echo "solvers are installed: $(z3 --version), $(cvc5 --version | head -1)" >&2
	exit 0
fi
packages=$(echo $packages)
if [ "${CI:-}" = true ]; then
	echo "missing, and not to be installed: $packages; in CI the comparison with solvers must run" >&2
	exit 1
fi
cat >&2 <<TXT
**************************************************************************
*  NOT INSTALLED: $packages
*  Every test that compares postern with it SKIPS.
*  On Debian and Ubuntu: sudo apt-get install $packages
**************************************************************************
TXT
