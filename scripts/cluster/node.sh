#!/usr/bin/env bash
# Process 1 of the cluster's own namespaces: starts each part and ends with the first
# that ends. When it ends, the kernel ends every process in here, containers included,
# and takes their mounts and networks with them.
# usage: node.sh DIR CACHE SLOT   (cluster.sh calls it)
set -euo pipefail

dir=$1 cache=$2 slot=$3
node=cluster-node
address=10.199.$slot.2
services=10.96.0
pods=10.244.0.0/16
export PATH="$cache/bin:$cache/debian/usr/bin:$PATH" TMPDIR="$dir/tmp"

# The machine's own files ---------------------------------------------------------------

# These folders get what the parts write to fixed places, and hide the machine's sockets.
# What the machine unmounts goes from here too, and nothing of here reaches the machine.
mount --make-rshared /
for folder in /run /var/log /var/lib; do
  mount -t tmpfs tmpfs "$folder"
done
ln -sfn "$dir/cni-cache" /var/lib/cni

# The kubelet sets these for the whole machine. Here it finds them set, in files of its own.
keep_setting() {
  echo "$2" >"$dir/settings/${1//\//.}"
  mount --bind "$dir/settings/${1//\//.}" "/proc/sys/$1"
}
keep_setting vm/overcommit_memory 1
keep_setting vm/panic_on_oom 0
keep_setting kernel/panic 10
keep_setting kernel/panic_on_oops 1
keep_setting kernel/keys/root_maxkeys 1000000
keep_setting kernel/keys/root_maxbytes 25000000

# Network -------------------------------------------------------------------------------

# cluster.sh puts the cable in from outside, then writes a line here.
read -r _ <"$dir/plugged"
ip link set lo up
ip addr add "$address/30" dev eth0
ip link set eth0 up
ip route add default via "10.199.$slot.1"
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
# The API asks who calls; the kubelet's port does not, so the machine does not reach it.
iptables -A INPUT -i eth0 -p tcp ! --dport 6443 -m conntrack --ctstate NEW -j DROP

# Parts ---------------------------------------------------------------------------------

declare -A names
start() {
  local name=$1
  shift
  "$@" >"$dir/log/$name.log" 2>&1 </dev/null &
  names[$!]=$name
}

# Waits until a command succeeds. A part that ended meanwhile is found by the last loop.
wait_until() {
  local end=$((SECONDS + 90))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || { echo "not in time: $*"; exit 1; }
    for pid in "${!names[@]}"; do
      kill -0 "$pid" 2>/dev/null || { echo "${names[$pid]} has ended"; exit 1; }
    done
    sleep 0.1
  done
}

admin=(kubectl --kubeconfig "$dir/kubeconfig")

start containerd containerd --config "$dir/config/containerd.toml"
start etcd etcd --data-dir "$dir/etcd" --unsafe-no-fsync \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380
start kube-apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 \
  --advertise-address "$address" --secure-port 6443 --allow-privileged \
  --tls-cert-file "$dir/pki/server.crt" --tls-private-key-file "$dir/pki/server.key" \
  --token-auth-file "$dir/pki/tokens.csv" --authorization-mode Node,RBAC \
  --enable-admission-plugins NodeRestriction \
  --service-account-issuer https://kubernetes.default.svc \
  --service-account-key-file "$dir/pki/accounts.pub" \
  --service-account-signing-key-file "$dir/pki/accounts.key" \
  --service-cluster-ip-range "$services.0/16" \
  --kubelet-preferred-address-types InternalIP
wait_until ctr --address "$dir/containerd.sock" version
for image in "$cache"/images/*.tar; do
  ctr --address "$dir/containerd.sock" --namespace k8s.io images import "$image"
done
wait_until "${admin[@]}" get --raw /readyz

manager="$dir/config/manager.kubeconfig"
start kube-controller-manager kube-controller-manager --kubeconfig "$manager" \
  --authentication-kubeconfig "$manager" --authorization-kubeconfig "$manager" \
  --service-account-private-key-file "$dir/pki/accounts.key" \
  --root-ca-file "$dir/pki/server.crt" --use-service-account-credentials \
  --leader-elect=false --cluster-cidr "$pods" --allocate-node-cidrs=false \
  --bind-address 127.0.0.1
scheduler="$dir/config/scheduler.kubeconfig"
start kube-scheduler kube-scheduler --kubeconfig "$scheduler" \
  --authentication-kubeconfig "$scheduler" --authorization-kubeconfig "$scheduler" \
  --leader-elect=false --bind-address 127.0.0.1
start kubelet kubelet --config "$dir/config/kubelet.yaml" \
  --kubeconfig "$dir/config/kubelet.kubeconfig" --root-dir "$dir/kubelet" \
  --cert-dir "$dir/kubelet/pki" --hostname-override "$node" --node-ip "$address"
# The proxy ends, and says nothing, when the node's address appears after its start.
wait_until "${admin[@]}" get node "$node"
start kube-proxy kube-proxy --kubeconfig "$dir/config/proxy.kubeconfig" \
  --hostname-override "$node" --cluster-cidr "$pods" --proxy-mode iptables \
  --bind-address "$address" --conntrack-max-per-core 0

"${admin[@]}" apply -f "$dir/config/dns.yaml" -f "$dir/config/volumes.yaml"

# A local volume is not cleaned by Kubernetes when its claim goes: this makes it free again.
free_volumes() {
  while true; do
    # The server ends every watch after some time.
    "${admin[@]}" get pv --watch -o jsonpath='{.metadata.name} {.status.phase}{"\n"}' |
      while read -r name phase; do
        [ "$phase" != Released ] || free_volume "$name"
      done
    sleep 1
  done
}

free_volume() {
  find "$dir/volumes/$1" -mindepth 1 -delete
  chown 0:0 "$dir/volumes/$1"
  chmod 0755 "$dir/volumes/$1"
  "${admin[@]}" patch pv "$1" --type json \
    --patch '[{"op": "remove", "path": "/spec/claimRef"}]' || true
}
start volumes free_volumes

wait_until "${admin[@]}" wait --for=condition=Ready "node/$node" --timeout=1s
wait_until "${admin[@]}" --namespace kube-system rollout status deployment/coredns --timeout=1s
touch "$dir/ready"
ended=
wait -n -p ended || true
echo "${names[$ended]} has ended"
exit 1
