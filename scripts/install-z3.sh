#!/usr/bin/env bash
# Makes sure that the z3 program is there: the second engine that the tests
# compare postern's answers with. Without it those tests skip, which is fine on
# a desk and not in CI.
set -euo pipefail

if command -v z3 >/dev/null; then
	exit 0
fi

install() {
	command -v apt-get >/dev/null || return 1
	if [ "$(id -u)" = 0 ]; then
		apt-get install -y -qq z3 >/dev/null || { apt-get update -qq && apt-get install -y -qq z3 >/dev/null; }
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		sudo -n apt-get install -y -qq z3 >/dev/null || { sudo -n apt-get update -qq && sudo -n apt-get install -y -qq z3 >/dev/null; }
	else
		return 1
	fi
}

if install && command -v z3 >/dev/null; then
	echo "z3 is installed: $(z3 --version)" >&2
	exit 0
fi

if [ "${CI:-}" = true ]; then
	echo "z3 is missing and cannot be installed; in CI the comparison with it must run" >&2
	exit 1
fi
cat >&2 <<'TXT'
**************************************************************************
*  z3 is not installed: every test that compares postern with it SKIPS.  *
*  On Debian and Ubuntu: sudo apt-get install z3                         *
**************************************************************************
TXT
