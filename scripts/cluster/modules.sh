#!/usr/bin/env bash
# Writes go.mod and go.sum of both programs, for a change of versions.
# usage: scripts/cluster/modules.sh KUBERNETES ETCD COREDNS   (v1.37.2 v3.7.3 v1.15.0)
set -euo pipefail
cd "$(dirname "$0")"

kubernetes=$1 etcd=$2 coredns=$3
staging=v0.${kubernetes#v1.}

start_module() {
  rm -f go.mod go.sum
  go mod init "composegen/scripts/cluster/$(basename "$PWD")"
  go mod edit -go=1.26.0
}

cd kubernetes
start_module
go mod edit -require="k8s.io/kubernetes@$kubernetes" \
  -require="go.etcd.io/etcd/server/v3@$etcd"
# Kubernetes requires its own libraries at v0.0.0, which only its repository can resolve.
file=$(go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
for name in $(awk '$1 ~ /^k8s\.io\// && $2 == "v0.0.0" { print $1 }' "$file"); do
  go mod edit -replace="$name=$name@$staging"
done
go mod tidy

cd ../dns
start_module
go mod edit -require="github.com/coredns/coredns@$coredns"
go mod tidy
