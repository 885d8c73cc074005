#!/bin/sh
# Builds build/portable/sigrelay: a program that wants nothing of a runner but a C
# library (of this machine's age or newer) and a CA bundle.
#
# libcurl and cJSON have no such library in Debian, or one that draws in Kerberos
# and LDAP; their sources are Debian's own, with its security fixes, fetched and
# checked by apt. Everything else is the distribution's static library.
set -eu
cd "$(dirname "$0")/.."
scripts/packages.sh portable
root=$PWD/build/portable
prefix=$root/prefix
mkdir -p "$root/source"

say() { echo "portable: $*"; }

# source_of PACKAGE: the source that the installed package was built from. Where apt
# knows of newer ones, of backports for one, they are none of the rest's age.
source_of() { dpkg-query -W -f '${source:Package}=${source:Version}' "$1"; }

# fetch PACKAGE...: unpacks their sources.
fetch() {
	mkdir -p "$root/apt/parts" "$root/apt/lists/partial"
	rm -f "$root/apt/parts"/*
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" >"$root/apt/parts/$(basename "$f")"
	done
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -n 's/^deb /deb-src /p' \
		>"$root/apt/parts/old.list"
	set -- -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$root/apt/parts" \
		-o "Dir::State::lists=$root/apt/lists" -- "$@"
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # options
	if ! apt-get -qq $options update >"$root/apt.log" 2>&1 ||
		! (cd "$root/source" && apt-get -qq $options source "$@" >>"$root/apt.log" 2>&1); then
		tail -n 5 "$root/apt.log" >&2
		echo "portable.sh: apt cannot fetch the sources of $*; all it said is in $root/apt.log" >&2
		exit 1
	fi
}

# library NAME SOURCE-GLOB CMAKE-OPTION...
library() {
	name=$1 source=$(ls -d "$root/source"/$2)
	shift 2
	say "building $name of $(basename "$source")"
	cmake -G Ninja -S "$source" -B "$root/$name" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
		-DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
		"$@" >"$root/$name.log" 2>&1
	cmake --build "$root/$name" >>"$root/$name.log"
	cmake --install "$root/$name" >>"$root/$name.log"
}

if [ ! -e "$prefix/done" ]; then
	rm -rf "$root/source" "$prefix"
	mkdir -p "$root/source"
	fetch "$(source_of libcurl4-openssl-dev)" "$(source_of libcjson-dev)"
	library cjson 'cjson-[0-9]*' -DENABLE_CJSON_TEST=OFF -DENABLE_CJSON_UTILS=OFF \
		-DBUILD_SHARED_AND_STATIC_LIBS=OFF
	library curl 'curl-[0-9]*' -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON \
		-DUSE_NGHTTP2=ON -DCURL_BROTLI=ON -DCURL_ZSTD=OFF -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBPSL=OFF \
		-DUSE_LIBIDN2=OFF -DCURL_DISABLE_LDAP=ON -DENABLE_UNIX_SOCKETS=ON \
		-DCURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt -DCURL_CA_PATH=none
	# It names the C library too, which is to stay shared.
	sed -i 's/^Libs:.*/Libs: -L${libdir} -lcurl/' "$prefix/lib/pkgconfig/libcurl.pc"
	: >"$prefix/done"
fi
say "building sigrelay"
PKG_CONFIG_PATH=$prefix/lib/pkgconfig cmake -G Ninja -S . -B "$root/sigrelay" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	-DSIGRELAY_HARDEN=ON -DSIGRELAY_TESTS=OFF -DSIGRELAY_PORTABLE=ON -DCMAKE_PREFIX_PATH="$prefix" >"$root/sigrelay.log"
cmake --build "$root/sigrelay" >>"$root/sigrelay.log"
strip -o "$root/sigrelay.stripped" "$root/sigrelay/sigrelay"
mv "$root/sigrelay.stripped" "$root/sigrelay.bin"
say "$root/sigrelay.bin: $(wc -c <"$root/sigrelay.bin") bytes, wants $(ldd "$root/sigrelay.bin" | awk '{ print $1 }' | sed 's|.*/||' | sort | paste -sd' ' -)"
