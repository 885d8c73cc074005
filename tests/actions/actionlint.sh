#!/bin/bash
# actionlint on the example workflow and, through it, on the actions' metadata; it
# hands the text of run: to shellcheck where there is one.
#
#   tests/actions/actionlint.sh ACTIONLINT
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# As in a repository that uses it.
mkdir -p "$place/.git" "$place/.github/workflows" "$place/.sigrelay"
cp -r "$root/actions" "$place/.sigrelay/"
cp "$root/docs/examples/release.yml" "$place/.github/workflows/"
cd "$place"
"$1" -no-color
# A wrong input has to be found, or the above says nothing.
sed 's/on_existing_tag:/on_existing_tags:/' "$root/docs/examples/release.yml" >.github/workflows/release.yml
if out=$("$1" -no-color); then
	echo "actionlint let the input on_existing_tags pass" >&2
	exit 1
fi
grep -qF 'input "on_existing_tags" is not defined' <<<"$out"
