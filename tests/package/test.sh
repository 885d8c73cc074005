#!/bin/sh
# The Debian package and the units: built by the usual tools, clean by lintian, and
# installed, upgraded and purged in a throw-away copy of this system (an overlay in
# a mount namespace: nothing of the machine changes), without systemd and under one.
#
#   tests/package/test.sh [FOLDER]    FOLDER keeps the package
#
# One line a check, ends with "N passed, N failed, N skipped".
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
keep=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$root/tests/package/checks.sh"

unit_is_tight() {
	level=$(systemd-analyze security --offline=true "$root/conf/sigrelay.service" | sed -n 's/.*exposure level for sigrelay.service: \([0-9.]*\).*/\1/p')
	echo "exposure level '$level', at most 2.0 is wanted"
	[ -n "$level" ] && awk "BEGIN { exit !($level <= 2.0) }"
}

# What systemd understands of the units; that the program is not installed here is no fault.
unit_is_understood() {
	! systemd-analyze verify --man=no "$root/conf/sigrelay.service" "$root/conf/sigrelay.socket" 2>&1 |
		grep -v 'is not executable' | grep .
}

if command -v systemd-analyze >/dev/null; then
	check 'the unit is tight (systemd-analyze security)' unit_is_tight
	check 'systemd understands the units' unit_is_understood
else
	skip 'the units' 'systemd-analyze is not installed'
fi

if ! command -v dpkg-buildpackage >/dev/null || ! command -v dh >/dev/null; then
	skip 'the package' 'dpkg-dev and debhelper are not installed'
	finish
fi

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$root/debian/changelog")
source=$work/sigrelay-$version
mkdir "$source"
(cd "$root" && git ls-files -z --cached --others --exclude-standard | tar c --null -T - --ignore-failed-read) | tar x -C "$source"

build() {
	cd "$source" && DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -b -us -uc
}
check 'the package builds' build
deb=$(ls "$work"/sigrelay_"$version"_*.deb 2>/dev/null)
if [ -z "$deb" ]; then
	finish
fi
[ -z "$keep" ] || cp "$deb" "$keep/"

lint() {
	! lintian --allow-root --tag-display-limit 0 "$work"/sigrelay_*.changes | grep -E '^[EW]:'
}
if command -v lintian >/dev/null; then
	check 'lintian has nothing to say' lint
else
	skip 'lintian' 'it is not installed'
fi

# The next version, for the upgrade: the same package with another number.
dpkg-deb -R "$deb" "$work/next" && sed -i "s/^Version: .*/Version: $version+next/" "$work/next/DEBIAN/control" &&
	dpkg-deb -b "$work/next" "$work/next.deb" >/dev/null

cat >"$work/inside.sh" <<'INSIDE'
set -eu
deb=$1 next=$2
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
dpkg -i "$deb" >/dev/null
sigrelay version >/dev/null
sigrelay demo >/dev/null
sigrelay check-config | grep -q '^retry_for = 10m'
test -f /lib/systemd/system/sigrelay.service || test -f /usr/lib/systemd/system/sigrelay.service
# What the operator wrote outlives an upgrade.
printf '[sigrelay]\nretry_for = 7m\n' >/etc/sigrelay/sigrelay.ini
dpkg -i --force-confold "$next" >/dev/null
sigrelay check-config | grep -q '^retry_for = 7m *# /etc/sigrelay/sigrelay.ini:2'
dpkg --remove sigrelay >/dev/null
test -f /etc/sigrelay/sigrelay.ini
test ! -e /usr/bin/sigrelay
dpkg --purge sigrelay >/dev/null
test ! -e /etc/sigrelay
test -z "$(dpkg -L sigrelay 2>/dev/null || :)"
INSIDE

lives_in_an_overlay() {
	mkdir -p "$work/disk" && mount -t tmpfs tmpfs "$work/disk" &&
		mkdir "$work/disk/upper" "$work/disk/work" "$work/disk/root" &&
		mount -t overlay overlay -o "lowerdir=/,upperdir=$work/disk/upper,workdir=$work/disk/work" "$work/disk/root" &&
		mount -t proc proc "$work/disk/root/proc" && mount --rbind /dev "$work/disk/root/dev" &&
		mkdir -p "$work/disk/root/pkg" && cp "$deb" "$work/next.deb" "$work/inside.sh" "$work/disk/root/pkg/" &&
		chroot "$work/disk/root" sh /pkg/inside.sh "/pkg/$(basename "$deb")" /pkg/next.deb
}
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	export work deb
	cat >"$work/overlay.sh" <<-EOF
		work=$work deb=$deb
		$(sed -n '/^lives_in_an_overlay() {/,/^}/p' "$0")
		lives_in_an_overlay
	EOF
	check 'it is installed, upgraded and purged' unshare -m sh "$work/overlay.sh"
else
	skip 'it is installed, upgraded and purged' 'that needs root and a mount namespace'
fi

sh "$root/tests/package/systemd.sh" "$deb" "$work/next.deb" >"$work/log" 2>&1
line=$(tail -n 1 "$work/log" | grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$')
if [ -n "$line" ]; then
	sed '$d' "$work/log"
	# shellcheck disable=SC2086 # its words
	set -- $line
	passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
else
	bad 'the package under a running systemd' <"$work/log"
fi
finish
