#!/bin/sh
# What systemd.sh runs, as a service of the systemd that it has booted.
set -u
here=/run/checks
log=$here/log
admin=http://127.0.0.1:7081
relay=http://127.0.0.1:7080
log_at=127.0.0.1:7090
settings=/etc/sigrelay/sigrelay.ini
certificates=/etc/sigrelay/tls
dropin=/etc/systemd/system/sigrelay.service.d
socket_dropin=/etc/systemd/system/sigrelay.socket.d
export DEBIAN_FRONTEND=noninteractive HOME=/root

# shellcheck source-path=SCRIPTDIR source=checks.sh
. $here/checks.sh
bad() {
	failed=$((failed + 1))
	echo "not ok - $1"
	sed 's/^/    /'
	journalctl -q --no-pager -u sigrelay -u sigrelay.socket -n 6 | sed 's/^/    /'
}

# until_so COMMAND...: polls for at most 15 s.
until_so() {
	polls=0
	until "$@" >/dev/null 2>&1; do
		polls=$((polls + 1))
		if [ $polls -gt 300 ]; then
			echo "it did not come to: $*"
			return 1
		fi
		sleep 0.05
	done
}

pid() { systemctl show -P MainPID sigrelay; }
is() { [ "$(systemctl show -P "$2" "$1")" = "$3" ] || ! echo "$1: $2 is $(systemctl show -P "$2" "$1"), not $3"; }
journal() { journalctl --sync && journalctl -q --no-pager -o cat -u sigrelay; }
says() { journal | grep -q "$1"; }
code() { curl -s -o /dev/null -m 20 -w '%{http_code}' "$@"; }
answers() { [ "$(code "$relay/api/v1/log")" = "$1" ]; }
nobody_at() { [ "$(code "$1")" = 000 ]; }
settings_are() { printf '[sigrelay]\nrekor_url = http://%s\n%s\n' $log_at "${1:-}" >$settings; }
with_unit() {
	mkdir -p $dropin && cat >$dropin/checks.conf && systemctl daemon-reload
}

named_so() { find /etc /run /usr /var/lib /var/cache -name '*sigrelay*' 2>/dev/null | sort; }

# Can a unit be closed in here at all? Not in a chroot, for one: no user namespaces.
can_confine() {
	cat >/run/systemd/system/confined.service <<-'UNIT'
		[Service]
		Type=oneshot
		ExecStart=/bin/true
		DynamicUser=yes
		LoadCredential=name:/etc/hostname
		CapabilityBoundingSet=
		ProtectSystem=strict
		ProtectProc=invisible
		ProtectKernelTunables=yes
		PrivateDevices=yes
		PrivateUsers=yes
		SystemCallFilter=@system-service
	UNIT
	systemctl start confined
}

# afresh NAME COMMAND...: a check of the service as the package starts it.
afresh() {
	systemctl disable -q --now sigrelay.socket && systemctl stop sigrelay
	rm -rf $dropin $socket_dropin $certificates
	settings_are && systemctl daemon-reload
	systemctl reset-failed
	systemctl start sigrelay
	check "$@"
}

# --- the package starts it ---------------------------------------------------------

starts() {
	dpkg -i $here/this.deb && systemctl is-active sigrelay && systemctl is-enabled sigrelay &&
		[ "$(code $admin/readyz)" = 200 ] && sigrelay status
}
socket_is_left_alone() { ! systemctl is-active sigrelay.socket && ! systemctl is-enabled sigrelay.socket; }
is_confined() {
	user=$(stat -c %u "/proc/$(pid)") && [ "$user" -ge 61184 ] && ! grep sigrelay /etc/passwd &&
		grep -q '^CapEff:\s*0*$' "/proc/$(pid)/status" && grep -q '^CapBnd:\s*0*$' "/proc/$(pid)/status" &&
		grep -q '^NoNewPrivs:\s*1' "/proc/$(pid)/status" && grep -q '^Max core file size *0  *0 ' "/proc/$(pid)/limits"
}
is_tight() { systemd-analyze security --no-pager --threshold=20 sigrelay; }

# --- its life ----------------------------------------------------------------------

is_watched() {
	with_unit <<-'UNIT'
		[Service]
		WatchdogSec=1
	UNIT
	systemctl restart sigrelay && old=$(pid) && kill -STOP "$old" && until_so is sigrelay NRestarts 1 &&
		until_so is sigrelay ActiveState active && [ "$(pid)" != "$old" ] && [ "$(code $admin/readyz)" = 200 ]
}
reloads() {
	old=$(pid)
	settings_are 'retry_for = 8m' && systemctl reload sigrelay && until_so says '^[^ ]* info reloaded' &&
		is sigrelay MainPID "$old" && answers 200
}
reload_of_a_mistake_fails() {
	old=$(pid)
	settings_are 'retry_for = soon'
	if systemctl reload sigrelay; then
		echo 'systemctl reload takes it'
		return 1
	fi
	says "$settings:3: retry_for" && is sigrelay MainPID "$old" && answers 200
}
start_with_a_mistake_fails_once() {
	settings_are 'retry_for = soon'
	! systemctl restart sigrelay && is sigrelay ActiveState failed && is sigrelay ExecMainStatus 78 && is sigrelay NRestarts 0
}

# --- certificates, by the drop-in of docs/operations.md ------------------------------

certificates() {
	mkdir -p $certificates && cd $certificates || return 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=fleet -keyout ca.key -out ca.crt
	for holder in relay runner; do
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$holder \
			-addext 'subjectAltName=IP:127.0.0.1' -keyout $holder.key -out $holder.csr
		openssl x509 -req -in $holder.csr -CA ca.crt -CAkey ca.key -copy_extensions copyall -out $holder.crt
	done
	chmod 600 ./*
}
over_tls() { code --cacert $certificates/ca.crt "$@" https://127.0.0.1:7080/api/v1/log; }
takes_credentials() {
	certificates && sed -n '/^    \[Service\]/,/^$/s/^    //p' $here/operations.md >$here/dropin &&
		grep -q LoadCredential= $here/dropin && with_unit <$here/dropin && systemctl restart sigrelay &&
		[ "$(over_tls --cert $certificates/runner.crt --key $certificates/runner.key)" = 200 ] && [ "$(over_tls)" = 000 ]
}

serial() {
	openssl s_client -connect 127.0.0.1:7080 -CAfile $certificates/ca.crt -cert $certificates/runner.crt \
		-key $certificates/runner.key </dev/null 2>/dev/null | openssl x509 -noout -serial
}
systemd_is() { systemctl --version | grep -q "^systemd $1 "; }
# What docs/operations.md says of it: 252 makes the copies anew on a reload, 257 does not.
renewal_wants_a_restart() {
	takes_credentials && was=$(serial) && [ -n "$was" ] || return 1
	(cd $certificates && openssl x509 -req -in relay.csr -CA ca.crt -CAkey ca.key -copy_extensions copyall -out relay.crt)
	systemctl reload sigrelay && until_so says '^[^ ]* info reloaded' || return 1
	reloaded=$(serial)
	! systemd_is 252 || [ "$reloaded" != "$was" ] || return 1
	! systemd_is 257 || [ "$reloaded" = "$was" ] || return 1
	systemctl restart sigrelay && [ -n "$(serial)" ] && [ "$(serial)" != "$was" ]
}

# --- the socket ----------------------------------------------------------------------

a_client_starts_it() {
	systemctl stop sigrelay && systemctl enable --now sigrelay.socket && is sigrelay ActiveState inactive &&
		answers 200 && is sigrelay ActiveState active
}
control() { curl -sf -d "${2:-}" "http://$log_at/_control/$1"; }
held() { curl -sf $log_at/_control/state | grep -q '"held":1'; }
a_restart_drains() {
	a_client_starts_it && old=$(pid) && control script 'all always hold' || return 1
	code $relay/api/v1/log >$here/held &
	client=$!
	until_so held || return 1
	systemctl restart sigrelay &
	restart=$!
	until_so says ' drain in_flight=1 ' && is sigrelay MainPID "$old" || return 1
	code $relay/api/v1/log >$here/came &
	newcomer=$!
	control clear && control release
	wait $client && wait $restart && wait $newcomer && [ "$(cat $here/held)" = 200 ] && [ "$(cat $here/came)" = 200 ] &&
		[ "$(pid)" != "$old" ]
}
a_unix_socket_has_a_group() {
	settings_are 'listen = unix:/run/sigrelay.sock'
	mkdir -p $socket_dropin
	printf '[Socket]\nListenStream=\nListenStream=/run/sigrelay.sock\nSocketGroup=daemon\nSocketMode=0660\nRemoveOnStop=yes\n' \
		>$socket_dropin/checks.conf
	systemctl daemon-reload && systemctl stop sigrelay && systemctl start sigrelay.socket &&
		[ "$(stat -c '%G %a' /run/sigrelay.sock)" = 'daemon 660' ] &&
		[ "$(code --unix-socket /run/sigrelay.sock http://relay/api/v1/log)" = 200 ]
}

# --- the next version, and the end -----------------------------------------------------

is_upgraded() {
	settings_are 'retry_for = 9m' && a_client_starts_it && old=$(pid) && dpkg -i --force-confold $here/next.deb &&
		is sigrelay.socket ActiveState active && is sigrelay ActiveState active && [ "$(pid)" != "$old" ] &&
		answers 200 && sigrelay check-config | grep '^retry_for = 9m'
}
units() { systemctl list-units --no-legend --state=active,activating,failed 'sigrelay*'; }
is_removed() {
	a_client_starts_it && dpkg --remove sigrelay && nobody_at $relay/ && nobody_at $admin/ && [ -f $settings ] && ! units | grep .
}
is_purged() { dpkg --purge sigrelay && named_so >$log.after && diff $log.before $log.after; }

if ! can_confine >$log 2>&1; then
	skip 'the package under a running systemd' "it cannot confine a unit here: $(systemctl show -P ExecMainStatus confined)"
	finish
fi
named_so >$log.before
check 'the package starts it' starts
check 'the socket is there for who wants it' socket_is_left_alone
check 'a user of its own, no capability, no core' is_confined
check 'systemd-analyze security of what runs: at most 2.0' is_tight
sigrelay builtin-log --listen $log_at >/dev/null 2>&1 &
until_so control clear
afresh 'the watchdog starts it again when it hangs' is_watched
afresh 'reload' reloads
afresh 'reload of a mistake fails, and the old settings stay' reload_of_a_mistake_fails
afresh 'a start with a mistake fails once' start_with_a_mistake_fails_once
afresh 'certificates by LoadCredential=' takes_credentials
afresh 'a renewal of those wants a restart' renewal_wants_a_restart
afresh "the socket's first client starts it" a_client_starts_it
afresh 'a restart drains, and who comes meanwhile waits in the socket' a_restart_drains
afresh 'a UNIX socket for a group' a_unix_socket_has_a_group
afresh 'an upgrade while it runs, with the socket' is_upgraded
afresh 'removed with the socket: nothing runs and nobody listens' is_removed
check 'purged: nothing is left' is_purged
finish
