#!/usr/bin/env bash
# Builds once what a test cluster consists of, and prints the folder that holds it.
# Kubernetes, etcd and CoreDNS are Go modules; containerd and CNI are Debian packages,
# which are unpacked and not installed. The first build takes about ten minutes.
set -euo pipefail
cd "$(dirname "$0")"

fail() {
  printf 'cluster: error: %s\n' "$*" >&2
  exit 1
}

version() { awk -v name="$1" '$1 == name { print $2; exit }' "$2/go.mod"; }

# Another version, or another program, is another folder.
sum=$(cat build.sh ./*/go.mod ./*/go.sum ./*/*.go ./*/*/*.go | sha256sum | head -c 8)
kubernetes=$(version k8s.io/kubernetes kubernetes)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/composegen/cluster-$kubernetes-$sum"

if [ "${1:-}" = --where ]; then
  echo "$cache"
  exit
fi
if [ -e "$cache/complete" ]; then
  echo "$cache"
  exit
fi
command -v go >/dev/null || fail "the build needs Go, $(awk '$1 == "go" { print $2 }' kubernetes/go.mod) or later"
command -v apt-get >/dev/null || fail "the build unpacks Debian packages and needs apt-get"

mkdir -p "$cache/bin" "$cache/images"
exec 9>"$cache/lock"
flock 9
[ ! -e "$cache/complete" ] || { echo "$cache"; exit; }
work=$(mktemp -d "${TMPDIR:-/tmp}/composegen-cluster.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Programs ------------------------------------------------------------------------------

# Without libc, so that they run in an image that holds nothing else.
build() {
  printf 'cluster: building %s\n' "$3" >&2
  (cd "$1" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w$4" -o "$cache/bin/$3" "$2") >&2
}

# What `kubectl version` and the server report; a plain build says v0.0.0.
stamp=" -X k8s.io/component-base/version.gitVersion=$kubernetes"
build kubernetes . kubernetes "$stamp"
build kubernetes ./pause pause ""
build dns . coredns ""
for part in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
  ln -sf kubernetes "$cache/bin/$part"
done

# Debian packages -----------------------------------------------------------------------

# Kubernetes no longer runs on the containerd of Debian 12 and 13.
(
  cd "$work"
  apt-get download -qq containerd/sid containernetworking-plugins >&2 ||
    fail "no containerd of Debian sid among apt's sources; 'scripts/engine.sh install' adds it"
  for package in ./*.deb; do
    dpkg -x "$package" "$cache/debian"
  done
)

# Images --------------------------------------------------------------------------------

# An image of one static program, in the format of `docker save`.
make_image() {
  local name=$1 program=$2 folder="$work/$2"
  mkdir -p "$folder/root"
  cp -L "$cache/bin/$program" "$folder/root/$program"
  tar -C "$folder/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    -cf "$folder/layer.tar" "$program"
  cat >"$folder/config.json" <<JSON
{"architecture": "$(go env GOARCH)", "os": "linux",
 "config": {"Entrypoint": ["/$program"], "Env": ["PATH=/"]},
 "rootfs": {"type": "layers",
  "diff_ids": ["sha256:$(sha256sum "$folder/layer.tar" | cut -d ' ' -f 1)"]}}
JSON
  cat >"$folder/manifest.json" <<JSON
[{"Config": "config.json", "RepoTags": ["$name"], "Layers": ["layer.tar"]}]
JSON
  tar -C "$folder" -cf "$cache/images/$program.tar" manifest.json config.json layer.tar
}

make_image composegen/pause:1 pause
make_image composegen/coredns:1 coredns
make_image composegen/kubectl:1 kubectl

touch "$cache/complete"
echo "$cache"
