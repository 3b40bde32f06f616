#!/usr/bin/env bash
# A real Kubernetes cluster of one node on this machine, for tests.
# It has namespaces of its own, so that it changes no setting, firewall rule or mount of
# the machine, and one cable to it; the end of its first process ends all of it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dir="${COMPOSEGEN_CLUSTER_DIR:-/var/tmp/composegen-cluster}"

start_deadline=180
stop_deadline=30

usage() {
  cat <<USAGE
usage: scripts/cluster/cluster.sh [--dir DIR] COMMAND

  build           build what the cluster consists of, once (about ten minutes)
  start           start a cluster, unless it runs already; builds first (as root)
  stop            stop it and remove everything that it made (as root)
  status          say whether it runs; exit 1 when it does not
  with COMMAND    run a command with a cluster; one that was not there is stopped again
  load IMAGE..    copy images from the Docker engine into the cluster
  kubeconfig      print the path of the file that gives access to it
  kubectl WORDS   run kubectl on it
  ctr WORDS       run containerd's client on it

--dir DIR, COMPOSEGEN_CLUSTER_DIR  where its state is, one folder for each cluster
                                   (now $dir)
$dir/bin holds the kubectl of its version.
USAGE
}

say() { printf 'cluster: %s\n' "$*"; }

fail() {
  printf 'cluster: error: %s\n' "$*" >&2
  exit 1
}

need_root() {
  [ "$(id -u)" -eq 0 ] || fail "'$1' needs root"
}

# What runs -----------------------------------------------------------------------------

# Prints the process that holds the namespaces, if it is still ours.
own_pid() {
  local pid
  pid=$(cat "$dir/pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "$dir" || return 1
  echo "$pid"
}

need_running() {
  { [ -e "$dir/ready" ] && own_pid >/dev/null; } || fail "no cluster runs in $dir"
}

slot() { cat "$dir/slot"; }

# Settings ------------------------------------------------------------------------------

fill() {
  sed -e "s|@DIR@|$dir|g" -e "s|@CACHE@|$cache|g" -e "s|@CGROUP@|composegen-cluster-$1|g" \
    -e "s|@ADDRESS@|10.199.$1.2|g" -e "s|@NAME@|${3:-}|g" "$here/files/$2"
}

# Prints the settings of one client of the API.
write_kubeconfig() {
  local server=$1 name=$2 token=$3
  cat <<YAML
apiVersion: v1
kind: Config
current-context: composegen-test
contexts:
- {name: composegen-test, context: {cluster: composegen-test, user: $name}}
clusters:
- name: composegen-test
  cluster: {server: "https://$server:6443", certificate-authority-data: $(base64 -w 0 "$dir/pki/server.crt")}
users:
- {name: $name, user: {token: $token}}
YAML
}

make_keys() {
  local server=$1
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=composegen-test" \
    -addext "subjectAltName=IP:$server,IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc" \
    -keyout "$dir/pki/server.key" -out "$dir/pki/server.crt" 2>/dev/null
  openssl genrsa -out "$dir/pki/accounts.key" 2048 2>/dev/null
  openssl rsa -in "$dir/pki/accounts.key" -pubout -out "$dir/pki/accounts.pub" 2>/dev/null
}

# Each part is a user of the API with a token of its own.
make_users() {
  local server=$1 part user groups token file
  while IFS='|' read -r part user groups; do
    token=$(openssl rand -hex 24)
    echo "$token,$user,$part,\"$groups\"" >>"$dir/pki/tokens.csv"
    file="$dir/config/$part.kubeconfig"
    [ "$part" != admin ] || file="$dir/kubeconfig"
    write_kubeconfig "$server" "$part" "$token" >"$file"
  done <<'USERS'
admin|admin|system:masters
kubelet|system:node:cluster-node|system:nodes
manager|system:kube-controller-manager|
scheduler|system:kube-scheduler|
proxy|system:kube-proxy|
USERS
}

make_settings() {
  local slot=$1 number
  mkdir -p "$dir"/{addresses,bin,cni,cni-cache,config,log,pki,pod-logs,settings,tmp,volumes}
  make_keys "10.199.$slot.2"
  make_users "10.199.$slot.2"
  fill "$slot" containerd.toml >"$dir/config/containerd.toml"
  fill "$slot" kubelet.yaml >"$dir/config/kubelet.yaml"
  fill "$slot" network.conflist >"$dir/cni/10-cluster.conflist"
  fill "$slot" dns.yaml >"$dir/config/dns.yaml"
  # Nothing of the outside is resolved in the cluster.
  echo "nameserver 127.0.0.1" >"$dir/config/resolv.conf"
  for number in 1 2 3 4 5 6 7 8 9; do
    mkdir -p "$dir/volumes/volume-$number"
    fill "$slot" volume.yaml "volume-$number"
  done >"$dir/config/volumes.yaml"
  ln -s "$cache/bin/kubectl" "$dir/bin/kubectl"
  mkfifo "$dir/plugged"
}

# Starting ------------------------------------------------------------------------------

cgroups() { findmnt -rno TARGET -t cgroup,cgroup2; }

# Takes a number that no other cluster on this machine has: a control group is made by
# one of them only.
take_slot() {
  local number first
  first=$(cgroups | head -n 1)
  for number in $(seq 1 250); do
    if mkdir "$first/composegen-cluster-$number" 2>/dev/null; then
      echo "$number" >"$dir/slot"
      return
    fi
  done
  fail "no free number for a cluster"
}

make_cgroups() {
  local hierarchy file
  for hierarchy in $(cgroups); do
    mkdir -p "$hierarchy/composegen-cluster-$1"
    # Of cgroup v1: without these two no process can be in it.
    for file in cpuset.cpus cpuset.mems; do
      if [ -e "$hierarchy/tasks" ] && [ -e "$hierarchy/$file" ]; then
        cat "$hierarchy/$file" >"$hierarchy/composegen-cluster-$1/$file"
      fi
    done
  done
}

plug_in() {
  local slot=$1 inner=$2
  ip link add "cgcluster$slot" type veth peer name eth0 netns "$inner"
  ip addr add "10.199.$slot.1/30" dev "cgcluster$slot"
  ip link set "cgcluster$slot" up
  echo plugged >"$dir/plugged"
}

show_logs() {
  local log
  for log in node kube-apiserver kubelet containerd; do
    printf 'cluster: last lines of %s:\n' "$dir/log/$log.log" >&2
    tail -n 8 "$dir/log/$log.log" >&2 2>/dev/null || true
  done
}

start_cluster() {
  if own_pid >/dev/null && [ -e "$dir/ready" ]; then
    say "runs already in $dir"
    return
  fi
  need_root start
  case "$dir" in
    /run/* | /var/run/* | /var/lib/* | /var/log/*)
      fail "$dir: the cluster hides /run, /var/lib and /var/log from its parts; choose another folder" ;;
    /*) ;;
    *) fail "$dir: a full path is needed" ;;
  esac
  # Sockets lie in it, whose paths can have 107 characters.
  [ "${#dir}" -le 60 ] || fail "$dir: the path is longer than 60 characters"
  if [ ! -e "$dir/slot" ] && [ -n "$(ls -A "$dir" 2>/dev/null)" ]; then
    fail "$dir is not empty, and no cluster of ours is in it"
  fi
  cache=$("$here/build.sh") || exit 1
  [ ! -e "$dir/slot" ] || stop_cluster >/dev/null # the rest of one that was killed

  local began=$SECONDS slot pid inner
  mkdir -p "$dir"
  chmod 0700 "$dir"
  take_slot
  slot=$(slot)
  make_settings "$slot"
  make_cgroups "$slot"
  modprobe -q br_netfilter 2>/dev/null || true
  # A session of its own, so that Ctrl-C in the caller's terminal does not reach it.
  setsid unshare --kill-child=KILL --pid --mount-proc --mount --net --ipc \
    --propagation slave \
    bash "$here/node.sh" "$dir" "$cache" "$slot" >"$dir/log/node.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$dir/pid"
  until inner=$(pgrep --parent "$pid"); do
    kill -0 "$pid" 2>/dev/null || { show_logs; fail "the namespaces could not be made"; }
    sleep 0.05
  done
  plug_in "$slot" "$inner"
  until [ -e "$dir/ready" ]; do
    if ! kill -0 "$pid" 2>/dev/null || ((SECONDS - began > start_deadline)); then
      show_logs
      stop_cluster >/dev/null
      fail "the cluster did not start"
    fi
    sleep 0.2
  done
  say "$(version) started in $((SECONDS - began)) s, state in $dir"
  say "use it: export KUBECONFIG=$dir/kubeconfig PATH=$dir/bin:\$PATH"
}

version() { "$here/build.sh" --where | sed 's|.*/cluster-\(v[^-]*\).*|Kubernetes \1|'; }

# Ending --------------------------------------------------------------------------------

remove_cgroups() {
  local hierarchy folder end=$((SECONDS + stop_deadline))
  for hierarchy in $(cgroups); do
    folder="$hierarchy/composegen-cluster-$1"
    # The kernel empties them a moment after the last process has gone.
    until [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null; do
      ((SECONDS < end)) || fail "$folder cannot be removed"
      sleep 0.1
    done
  done
}

stop_cluster() {
  if [ ! -e "$dir/slot" ]; then
    say "no cluster in $dir"
    return
  fi
  need_root stop
  local pid slot end=$((SECONDS + stop_deadline)) inner=
  slot=$(slot)
  if pid=$(own_pid); then
    inner=$(pgrep --parent "$pid" || true)
    kill -KILL "$pid"
    # It goes when every process in its namespace has gone.
    while [ -n "$inner" ] && [ -e "/proc/$inner" ]; do
      ((SECONDS < end)) || fail "process $inner does not end"
      sleep 0.05
    done
  fi
  ip link del "cgcluster$slot" 2>/dev/null || true
  remove_cgroups "$slot"
  rm -rf --one-file-system "$dir"
  say "stopped; nothing of it is left"
}

with_cluster() {
  [ $# -gt 0 ] || fail "with needs a command"
  if ! own_pid >/dev/null; then
    trap stop_cluster EXIT
    start_cluster
  fi
  "$@"
}

# Using ---------------------------------------------------------------------------------

show_status() {
  if ! [ -e "$dir/ready" ] || ! own_pid >/dev/null; then
    say "no cluster runs in $dir"
    exit 1
  fi
  say "$(version) runs: process $(own_pid), state in $dir"
  "$dir/bin/kubectl" --kubeconfig "$dir/kubeconfig" get nodes,pods --all-namespaces
}

call_ctr() {
  need_running
  local bin
  bin=$(dirname "$(readlink -f "$dir/bin/kubectl")")/../debian/usr/bin
  "$bin/ctr" --address "$dir/containerd.sock" --namespace k8s.io "$@"
}

load_images() {
  [ $# -gt 0 ] || fail "load needs the name of an image"
  need_running
  need_root load
  docker save "$@" | call_ctr images import - >/dev/null
  say "loaded: $*"
}

if [ "${1:-}" = --dir ]; then
  [ $# -ge 2 ] || { usage >&2; exit 2; }
  dir=$2
  shift 2
fi
command=${1:-}
shift || true
case "$command" in
  build) "$here/build.sh" ;;
  start) start_cluster ;;
  stop) stop_cluster ;;
  status) show_status ;;
  with) with_cluster "$@" ;;
  load) load_images "$@" ;;
  kubeconfig) need_running; echo "$dir/kubeconfig" ;;
  kubectl) need_running; exec "$dir/bin/kubectl" --kubeconfig "$dir/kubeconfig" "$@" ;;
  ctr) call_ctr "$@" ;;
  -h | --help | help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
