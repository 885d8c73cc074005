#!/bin/sh
# Installs what is missing to build, to build the portable program, or to test. Debian 12, 13, Ubuntu 24.04.
#
#   scripts/packages.sh build|portable|test
#
# Asks dpkg first, so that a machine that has everything needs neither the
# network nor to be root.
set -eu

build='ca-certificates cmake gcc git libc6-dev libcjson-dev libcurl4-openssl-dev libevent-dev libhiredis-dev libinih-dev libssl-dev
	ninja-build pkg-config uthash-dev'
# What scripts/portable.sh builds with.
portable='dpkg-dev libbrotli-dev libnghttp2-dev zlib1g-dev'
test="$build build-essential clang clang-format clang-tidy curl debhelper docker-registry haproxy iproute2 jq libcunit1-dev
	lintian make mandoc mariadb-server openssl procps prometheus python3 python3-yaml redis-server shellcheck systemd
	universal-ctags util-linux valgrind zsh fish bash-completion"
# Not everywhere a package: Ubuntu has its browser as a snap. Tests without it are
# skipped, and counted so.
browser='chromium chromium-driver'

case ${1:-build} in
build) want=$build ;;
portable) want="$build $portable" ;;
test) want="$test $portable" ;;
*)
	echo "packages.sh: expected build, portable or test, not '$1'" >&2
	exit 64
	;;
esac

# dpkg-query succeeds for what it only knows by name, too.
installed() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

missing=
for p in $want; do
	installed "$p" || missing="$missing $p"
done
# clang's sanitizer and fuzzer runtime has the version in its name.
if [ "${1:-build}" = test ]; then
	rt=$(dpkg-query -W -f '${Depends}' clang 2>/dev/null | sed -n 's/.*clang-\([0-9]*\).*/\1/p')
	if [ -z "$rt" ] || ! installed "libclang-rt-$rt-dev"; then
		missing="$missing clang-rt"
	fi
fi
# A Go for the real services: one from 1.21 on fetches by itself the newer one that
# they want (tests/stack/go.sh).
go_can_switch() {
	for go in "$(command -v go || :)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
		[ -x "$go" ] || continue
		v=$(GOTOOLCHAIN=local "$go" env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
		[ "$(printf '%s\n' 1.21 "$v" | sort -V | head -n 1)" = 1.21 ] && return 0
	done
	return 1
}
# What apt knows of, which is asked again once its lists are fresh.
want_browser() {
	for p in $browser; do
		case " $missing " in *" $p "*) continue ;; esac
		if [ "$1" = test ] && ! installed "$p" && apt-cache show "$p" >/dev/null 2>&1; then
			missing="$missing $p"
		fi
	done
}
want_browser "${1:-build}"
if [ "${1:-build}" = test ] && ! go_can_switch; then
	missing="$missing golang-go"
fi
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "packages.sh: these packages are missing, and this is neither root nor has it sudo:$missing" >&2
		exit 1
	}
	sudo=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get -qq update
want_browser "${1:-build}"
# source_of ORIGIN CODENAME: where apt gets that release from, if it does.
source_of() {
	# shellcheck disable=SC2016 # apt's own $(…)
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Origin: $1" "Codename: $2" | head -n 1
}
add_backports() {
	from=$(source_of Debian bookworm)
	[ -n "$from" ] || {
		echo "packages.sh: apt has no source of bookworm, so none of bookworm-backports either: install Go 1.21 or newer and put it on PATH" >&2
		exit 1
	}
	printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: %s\n' \
		"$from" /usr/share/keyrings/debian-archive-keyring.gpg |
		$sudo tee /etc/apt/sources.list.d/sigrelay-backports.sources >/dev/null
	$sudo apt-get -qq update
}
release=
# shellcheck source=/dev/null
. /etc/os-release
case "$missing ${VERSION_CODENAME:-}" in *golang-go*bookworm)
	# Debian 12's own is 1.19. Its backports are beside whatever source it has.
	release=bookworm-backports
	[ -n "$(source_of 'Debian Backports' "$release")" ] || add_backports
	;;
esac
if [ -n "$release" ]; then
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
		-t "$release" golang-go >/dev/null
	missing=$(printf '%s' "$missing" | sed 's/golang-go//')
fi
case $missing in *clang-rt*)
	rt=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\).*/\1/p' | head -n 1)
	missing=$(echo "$missing" | sed "s/clang-rt/libclang-rt-$rt-dev/")
	;;
esac
[ -n "$(printf '%s' "$missing" | tr -d ' ')" ] || exit 0
# shellcheck disable=SC2086 # a list of names
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
