#!/bin/sh
# The package under a running systemd: PID 1 of namespaces of its own, on a throw-away
# copy of this system (an overlay; nothing of the machine changes).
#
#   tests/package/systemd.sh DEB NEXT    NEXT: the same package, a higher version
#
# The checks are under-systemd.sh's. Ends with "N passed, N failed, N skipped".
set -u
here=$(cd "$(dirname "$0")" && pwd)
systemd=/lib/systemd/systemd

# The namespaces' own half: builds the root and becomes systemd.
if [ "${1:-}" = --boot ]; then
	set -e
	work=$2 root=$2/disk/root
	mount --make-rprivate /
	mount -t tmpfs tmpfs "$work/disk"
	mkdir "$work/disk/upper" "$work/disk/work" "$root"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$work/disk/upper,workdir=$work/disk/work" "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	for folder in dev run tmp; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
	chmod 1777 "$root/tmp"
	for device in null zero full random urandom tty; do
		: >"$root/dev/$device"
		mount --bind "/dev/$device" "$root/dev/$device"
	done
	mkdir "$root/dev/pts" "$root/dev/shm" "$root/run/checks"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	mount -t tmpfs tmpfs "$root/dev/shm"
	mount --bind "$work/checks" "$root/run/checks"
	# This machine's own services, and what keeps packages from starting theirs.
	rm -rf "$root"/etc/systemd/system/* "$root/usr/sbin/policy-rc.d"
	mkdir -p "$root/run/systemd/system"
	cat >"$root/run/systemd/system/checks.service" <<-UNIT
		[Unit]
		SuccessAction=exit
		FailureAction=exit
		[Service]
		Type=oneshot
		ExecStart=/bin/sh /run/checks/under-systemd.sh
		StandardOutput=append:/run/checks/result
		StandardError=inherit
	UNIT
	ip link set lo up
	cd "$root"
	pivot_root . mnt
	umount -l mnt
	mount --make-rshared / # as container managers do: credentials come by propagation
	exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$systemd" --system --unit=checks.service \
		--log-target=console </dev/null
fi

skip() {
	echo "skip - the package under a running systemd: $1"
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
[ "$(id -u)" = 0 ] || skip 'that needs root'
[ -x "$systemd" ] || skip 'systemd is not installed'
work=$(mktemp -d)
# shellcheck disable=SC2317 # called by the trap
leave() {
	find "$work/cgroup/test-$$" -depth -type d -exec rmdir {} \; 2>/dev/null
	umount "$work/cgroup" 2>/dev/null
	rm -rf "$work"
}
trap leave EXIT
mkdir "$work/checks" "$work/disk" "$work/cgroup"
cp "$1" "$work/checks/this.deb" && cp "$2" "$work/checks/next.deb" &&
	cp "$here/under-systemd.sh" "$here/checks.sh" "$here/../../docs/operations.md" "$work/checks/" || exit 1
# A control group below this process's own is what the namespace takes for its root.
mount -t cgroup2 cgroup2 "$work/cgroup" 2>"$work/log" || skip "no cgroup2: $(cat "$work/log")"
group=$work/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/test-$$
mkdir "$group" 2>"$work/log" || skip "no control group: $(cat "$work/log")"
# shellcheck disable=SC2016 # the inner shell's
timeout -k 5 180 sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" \
	unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child \
	sh "$here/systemd.sh" --boot "$work" >"$work/console" 2>&1
[ -s "$work/checks/result" ] || skip "systemd cannot be booted here: $(tail -n 1 "$work/console")"
cat "$work/checks/result"
tail -n 1 "$work/checks/result" | grep -q ' passed, 0 failed'
