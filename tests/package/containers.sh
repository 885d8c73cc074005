#!/bin/bash
# The container's files: manifests and chart read as Kubernetes reads them, and what
# the image runs, run as the image would: unprivileged, on a root that cannot be
# written to.
#
#   tests/package/containers.sh SIGRELAY
#
# Wants what tests/stack/install.sh builds. Ends with "N passed, N failed, N skipped".
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
sigrelay=$(realpath "${1:?usage: containers.sh SIGRELAY}")
# shellcheck source-path=SCRIPTDIR source=../stack/cache.sh
. "$root/tests/stack/cache.sh"
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
log=$work/log
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$here/checks.sh"

helm() { HELM_CACHE_HOME=$work HELM_CONFIG_HOME=$work HELM_DATA_HOME=$work "$(need_tool helm)" "$@"; }
chart() { helm template fleet "$root/docker/helm/sigrelay" --kube-version 1.31.0 "$@"; }
kubecheck() { "$(need_own kubecheck)" "$@"; }

renders() {
	chart "$@" >"$work/chart.yaml" && kubecheck "$work/chart.yaml" && ! grep -n '<no value>' "$work/chart.yaml"
}

refuses_a_typo() {
	sed 's/readOnlyRootFilesystem/readOnlyRootFileSystem/' "$root/docker/kubernetes/sidecar-job.yaml" >"$work/typo.yaml"
	! kubecheck "$work/typo.yaml"
}

# The job's cosign, with a token that is none where the job has its own: it reads it.
finds_its_token() {
	local cosign job=$root/docker/kubernetes/sidecar-job.yaml
	cosign=$(need_tool cosign "v$(sed -n 's/.*image: .*cosign:\([0-9.]*\)$/\1/p' "$job")") || return 1
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --net sh -c 'mount -t tmpfs tmpfs /run && mkdir -p "$(dirname "$1")" && echo a.b.c >"$1" &&
		HOME=$3 COSIGN_FULCIO_URL=http://127.0.0.1:1 timeout 20 "$2" sign-blob --yes --tlog-upload=false "$1" </dev/null' \
		sh "$(sed -n 's/.*mountPath: \([^,]*\),.*/\1/p' "$job")/$(sed -n 's/.*serviceAccountToken: { path: \([^,]*\),.*/\1/p' "$job")" \
		"$cosign" "$work" 2>&1 | tee /dev/stderr | grep -q 'illegal base64'
}

# A context with what another path has built would not build: CMake refuses its cache.
context_is_clean() {
	local ignored=$root/docker/Dockerfile.dockerignore
	sed 's|/||g' "$root/.gitignore" | while read -r made; do grep -qx "$made" "$ignored" || ! echo "$made is not in $ignored"; done
}

# settings_of OPTION...: the settings that the chart writes, read by sigrelay.
settings_of() {
	chart "$@" | sed -n '/sigrelay.ini: |/,/^---/p' | sed '1d;/^---/d;s/^    //' >"$work/sigrelay.ini"
	"$sigrelay" check-config "$work/sigrelay.ini"
}
settings_are_known() { settings_of --set tls.secretName=fleet-tls --set settings.retry_for=7m | grep '^retry_for = 7m'; }
settings_of_a_values_file() {
	printf 'settings: { max_parked: 1000000, log_repeats: 0, allow_from: [10.0.0.0/8, "fd00::/8"], listen: "0.0.0.0:7443" }\n' \
		>"$work/values.yaml"
	settings_of -f "$work/values.yaml" >"$work/settings" && grep '^max_parked = 1000000 ' "$work/settings" &&
		grep '^allow_from = 10.0.0.0/8, fd00::/8 ' "$work/settings" && grep '^listen = 0.0.0.0:7443 ' "$work/settings"
}
rate_is_shared() {
	settings_of --set replicas=3 | grep '^rate_limit = 300/min ' && settings_of --set replicas=1 | grep '^rate_limit = 900/min ' &&
		settings_of --set redis.secretName=r | grep '^rate_limit = 900/min ' &&
		settings_of --set settings.redis_url=unix:/r | grep '^rate_limit = 900/min '
}
nobody_is_let_in() {
	renders --set networkPolicy.from=null --set networkPolicy.monitoringFrom=null &&
		! sed -n '/^  ingress:/,/^---/p' "$work/chart.yaml" | grep from
}
open_to_all_is_refused() {
	! chart --set networkPolicy.enabled=false && renders --set networkPolicy.enabled=false --set settings.allow_insecure_listen=yes
}
job_ends_with_its_container() {
	renders --set fleet.enabled=false --set job.enabled=true --set job.container.image=cosign:1 \
		--set job.settings.rekor_url=https://fleet:7080 --set job.settings.max_parked=1000000 &&
		grep -A4 'name: sigrelay$' "$work/chart.yaml" | grep 'restartPolicy: Always' &&
		grep 'SIGRELAY_MAX_PARKED, value: "1000000"' "$work/chart.yaml" && ! grep -i 'kind: deployment' "$work/chart.yaml" &&
		! chart --set job.enabled=true
}
manifest_is_the_charts() {
	chart | sed '/^# Source: /d' | diff - <(sed '/^#/d' "$root/docker/kubernetes/fleet.yaml")
}
named_by_digits() { helm template 123 "$root/docker/helm/sigrelay" --kube-version 1.31.0 >"$work/chart.yaml" && kubecheck "$work/chart.yaml"; }

# Variables of the compose file are settings.
compose_is_known() {
	# shellcheck disable=SC2046 # a list of variables
	env -i $(sed -n 's/^ *\(SIGRELAY_[A-Z_]*\): .*/\1=/p' "$root/docker/compose.yml") "$sigrelay" check-config >/dev/null
}

# As the image: no capability, no privilege, an unknown user, nothing to write to.
runs_as_the_image_would() {
	cat >"$work/run.sh" <<-'EOT'
		mount --bind / /mnt && mount -o remount,ro,bind /mnt && mount -t proc proc /mnt/proc && mount --rbind /dev /mnt/dev
		exec chroot /mnt setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set=-all \
			sh -c 'if touch /tmp/x /etc/x 2>/dev/null; then echo "the root can be written to"; exit 1; fi
			"$1" serve & pid=$!
			n=0
			until "$1" status >/dev/null 2>&1; do
				n=$((n + 1))
				if [ $n -gt 100 ]; then echo "no status"; kill $pid; exit 1; fi
				sleep 0.1
			done
			"$1" status
			kill -TERM $pid
			wait $pid' sh "$1"
	EOT
	SIGRELAY_LISTEN=127.0.0.1:17080 SIGRELAY_ADMIN_LISTEN=127.0.0.1:17081 \
		unshare --mount --net --fork sh -c 'ip link set lo up; exec sh "$@"' sh "$work/run.sh" "$work/sigrelay"
}

check 'the manifests are what Kubernetes takes' kubecheck "$root"/docker/kubernetes/*.yaml
check 'a field that Kubernetes does not know is found' refuses_a_typo
check "the image's context has nothing built" context_is_clean
check 'the chart is lint-free' helm lint --strict "$root/docker/helm/sigrelay"
check 'the chart as it is' renders
check 'the chart with everything' renders --set tls.secretName=t --set redis.secretName=r \
	--set 'nodeSelector.disk=ssd' --set 'tolerations[0].operator=Exists' --set settings.rate_limit=600/min
check "the chart's settings are sigrelay's" settings_are_known
check 'settings of a values file: numbers, lists, the chart'"'"'s own' settings_of_a_values_file
check 'relays without Redis share the rate' rate_is_shared
check 'an empty list lets nobody in' nobody_is_let_in
check 'open to all only when told so' open_to_all_is_refused
check 'a release that is called by digits' named_by_digits
check "a job with a relay that ends with it" job_ends_with_its_container
check "the fleet's manifest is what the chart makes" manifest_is_the_charts
check "the compose file's settings are sigrelay's" compose_is_known
install -m 755 "$sigrelay" "$work/sigrelay"
if [ "$(id -u)" = 0 ] && unshare --mount --net true 2>/dev/null; then
	check 'unprivileged, on a root that cannot be written to' runs_as_the_image_would
	check "the job's cosign finds its token" finds_its_token
else
	skip 'unprivileged, on a root that cannot be written to' 'that needs root and namespaces'
	skip "the job's cosign finds its token" 'that needs root and namespaces'
fi
finish
