#!/usr/bin/env bash
# Makes the Debian system that every stand-in image is built on, from Debian's packages: no
# registry is needed. It has neither python, curl nor wget, because the images it stands for
# have none: a probe that asks for them must fail there too.
#
# usage: scripts/standins/base.sh IMAGE [LABEL..]
set -euo pipefail

suite=trixie

fail() {
  printf 'standins: error: %s\n' "$*" >&2
  exit 1
}

[ "$(id -u)" -eq 0 ] || fail "making stand-ins needs root"
work=$(mktemp -d /var/tmp/composegen-standins.XXXXXX)
# One file system: were something still mounted in the half-made root, it must not be emptied.
trap 'rm -rf --one-file-system "$work"' EXIT
root="$work/root"

# Runs a command; what it prints is shown where it fails.
quietly() {
  "$@" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "failed: $*"
  }
}

command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive quietly \
  apt-get install -qq --yes --no-install-recommends debootstrap
quietly debootstrap --variant=minbase --include=ca-certificates "$suite" "$root"

# A host behind a proxy of its own trusts more than Debian does, and `pip install` in a
# build goes the same way. As single files, so that a later update keeps them.
mkdir -p "$root/usr/local/share/ca-certificates"
awk -v folder="$root/usr/local/share/ca-certificates" '
  /BEGIN CERTIFICATE/ { file = sprintf("%s/host-%03d.crt", folder, ++count) }
  file { print > file }
  /END CERTIFICATE/ { close(file); file = "" }
' /etc/ssl/certs/ca-certificates.crt
quietly chroot "$root" update-ca-certificates

# Debian's own image does the same: a layer is no place for apt's caches.
printf '%s\n' 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' \
  'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' \
  >"$root/etc/apt/apt.conf.d/docker-clean"

changes=(--change 'CMD ["bash"]'
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
for label in "${@:2}"; do changes+=(--change "LABEL $label"); done
tar -C "$root" --one-file-system --exclude='./var/cache/apt/*' \
  --exclude='./var/lib/apt/lists/*' --exclude='./dev/*' --exclude='./proc/*' \
  --exclude='./sys/*' -c . | docker import "${changes[@]}" - "$1" >/dev/null
