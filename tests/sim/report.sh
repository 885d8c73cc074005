#!/bin/sh
# Makes the tables and the picture of docs/outages.md anew.
#
#   tests/sim/report.sh BUILD_DIR      (a Release build: ninja -C BUILD_DIR sim)
#
# What stands between the two markers of docs/outages.md is replaced.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
sim=${1:?usage: tests/sim/report.sh BUILD_DIR}/tests/sim/sim
page=$root/docs/outages.md
[ -x "$sim" ] || {
	echo "report.sh: no simulator at '$sim'; build it: ninja -C ${1} sim" >&2
	exit 2
}
tmp=$(mktemp)
trap 'rm -f "$tmp" "$tmp.page"' EXIT

# A violated property makes them fail too: it is told, and the page is written
# all the same, because it shows what is.
violated=0
start=$(date +%s)
"$sim" --table >"$tmp" || violated=1
for part in brown-outs waiters; do
	printf '\n' >>"$tmp"
	"$sim" "--$part" >>"$tmp" || violated=1
done
took=$(($(date +%s) - start))
"$sim" --picture "$root/docs/img/outage.svg" || violated=1
machine=$(sed -n 's/^model name[[:blank:]]*: //p' /proc/cpuinfo | head -n 1)
{
	sed '/<!-- begin: sim --table -->/q' "$page"
	printf '\nMade by `tests/sim/report.sh` in %s s on %s cores (%s), %s, commit %s.\n\n' \
		"$took" "$(nproc)" "${machine:-unknown}" "$(date -u +%Y-%m-%d)" \
		"$(git -C "$root" rev-parse --short HEAD)"
	cat "$tmp"
	printf '\n'
	sed -n '/<!-- end: sim --table -->/,$p' "$page"
} >"$tmp.page"
cat "$tmp.page" >"$page"
exit "$violated"
