#!/usr/bin/env bash
# Sets up the newest Podman of Debian in a folder, to try stacks on it.
#
# It gets namespaces of its own: processes, mounts and network. What it starts ends with it,
# and nothing of this machine's engine, its networks or its firewall is touched.

set -euo pipefail

suite=sid
packages=(podman catatonit crun conmon netavark aardvark-dns nftables iptables iproute2 slirp4netns ca-certificates
  containers-storage golang-github-containers-common golang-github-containers-image)
# Folders of stacks are seen there under the same paths.
shared=(/tmp /work /root /home /var/tmp)
start_deadline=30

usage() {
  cat <<USAGE
usage: scripts/runtimes/podman.sh COMMAND DIR [..]

  start DIR          install Podman in DIR and start it (as root); the last line that is
                     printed is the value for DOCKER_HOST
  run DIR CMD..      run a command in its network, where published ports answer
  load DIR IMAGE..   copy images from the engine of this machine
  stop DIR           end it and all that runs there, and remove DIR

There is no systemd there, which runs Podman's health checks elsewhere. podman_checks.py,
which start runs too, runs them as its timers would.
USAGE
}

note() { printf 'podman: %s\n' "$*" >&2; }

fail() {
  printf 'podman: error: %s\n' "$*" >&2
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd)

# A process that is in all namespaces of Podman, or nothing.
find_inside() {
  local outer
  outer=$(cat "$dir/unshare.pid" 2>/dev/null) || return 0
  # The child of unshare is the first process of the namespace.
  # shellcheck disable=SC2002  # a process that is gone is no error
  cat "/proc/$outer/task/$outer/children" 2>/dev/null | tr -d ' '
}

install_root() {
  [ -e "$dir/root/usr/bin/podman" ] && return
  if ! command -v debootstrap >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
      debootstrap >"$dir/log" 2>&1 || fail "apt-get could not install debootstrap"
  fi
  note "installing Podman from $suite, about two minutes"
  local list
  list=$(IFS=,; echo "${packages[*]}")
  debootstrap --variant=minbase --include="$list" "$suite" "$dir/root" >"$dir/log" 2>&1 || {
    tail -n 20 "$dir/log" >&2
    fail "debootstrap failed"
  }
  rm -rf "$dir"/root/var/cache/apt/archives/*.deb
}

# The most that a process of this machine may have: n is open files, u processes.
limit() { ulimit "-H$1" | sed 's/unlimited/-1/'; }

configure() {
  mkdir -p "$dir/root/etc/containers"
  # No journald here, and cgroups are this machine's own.
  cat >"$dir/root/etc/containers/containers.conf" <<'CONF'
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
  # Builds ask for more files and processes than a machine may allow.
  printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' \
    "$(limit n)" "$(limit n)" "$(limit u)" "$(limit u)" \
    >>"$dir/root/etc/containers/containers.conf"
  cat >"$dir/root/etc/containers/storage.conf" <<'CONF'
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
CONF
}

# Runs in the new namespaces, as their first process: Podman ends with it.
enter() {
  ip link set lo up
  # A published port of 127.0.0.1 is forwarded to a container.
  sysctl -qw net.ipv4.ip_forward=1 2>/dev/null || echo 1 >/proc/sys/net/ipv4/ip_forward
  # crun takes one kind of cgroups, and no mixture of both.
  umount /sys/fs/cgroup/unified 2>/dev/null || true
  local root="$dir/root" each
  # crun wants a root that is a mount of its own: a chroot is none.
  mount --bind "$root" "$root"
  for each in "${shared[@]}"; do
    [ -d "$each" ] || continue
    mkdir -p "$root$each"
    mount --rbind "$each" "$root$each"
  done
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  # Layers lie on a real file system: an overlay does not lie on another one.
  mkdir -p "$dir/storage" "$root/var/lib/containers/storage"
  mount --bind "$dir/storage" "$root/var/lib/containers/storage"
  cd "$root"
  mkdir -p before
  pivot_root . before
  umount -l /before
  podman system service --time=0 "unix://$dir/podman.sock" >"$dir/podman.log" 2>&1 &
  wait
}

start() {
  [ "$(id -u)" -eq 0 ] || fail "start needs root"
  [ ! -e "$dir/unshare.pid" ] || fail "$dir is in use: scripts/runtimes/podman.sh stop $dir"
  mkdir -p "$dir"
  install_root
  configure
  rm -f "$dir/podman.sock"
  setsid unshare --net --mount --pid --fork --kill-child --propagation private \
    "$0" enter "$dir" >"$dir/enter.log" 2>&1 </dev/null &
  echo $! >"$dir/unshare.pid"
  local end=$((SECONDS + start_deadline))
  until curl -sf --unix-socket "$dir/podman.sock" http://d/_ping >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ] || [ ! -e "/proc/$(cat "$dir/unshare.pid")" ]; then
      cat "$dir/enter.log" "$dir/podman.log" >&2 || true
      (stop) || true
      fail "Podman does not answer"
    fi
    sleep 0.1
  done
  connect
  setsid python3 "$here/podman_checks.py" "$dir/podman.sock" >"$dir/checks.log" 2>&1 \
    </dev/null &
  echo $! >"$dir/checks.pid"
  echo "unix://$dir/podman.sock"
}

# Lets builds reach what this machine reaches, by a process and not by its firewall.
connect() {
  # shellcheck disable=SC2016  # the inner shell fills that in
  setsid unshare --mount --propagation private sh -c '
    mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
      exec chroot "$1" slirp4netns --configure --mtu=65520 --disable-host-loopback \
        --netns-type=path "/proc/$2/ns/net" tap0
  ' sh "$dir/root" "$(find_inside)" >"$dir/slirp.log" 2>&1 </dev/null &
  echo $! >"$dir/slirp.pid"
}

run() {
  local inside
  inside=$(find_inside)
  [ -n "$inside" ] || fail "Podman does not run in $dir"
  exec nsenter --target "$inside" --net "$@"
}

# The name by which Compose will ask for an image: Docker Hub's where it names no registry.
name_in_full() {
  case "$1" in
  *.*/* | *:*/* | localhost/*) echo "$1" ;;
  */*) echo "docker.io/$1" ;;
  *) echo "docker.io/library/$1" ;;
  esac
}

load() {
  local image
  docker save "$@" | ask load -q >/dev/null
  # Podman takes a name without a registry for one of its own.
  for image in "$@"; do
    ask image inspect "localhost/$image" >/dev/null 2>&1 || continue
    ask tag "localhost/$image" "$(name_in_full "$image")"
    ask rmi "localhost/$image" >/dev/null
  done
}

ask() { docker --host "unix://$dir/podman.sock" "$@"; }

end_process() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  local end=$((SECONDS + 10))
  while [ -e "/proc/$pid" ] && [ "$SECONDS" -lt "$end" ]; do sleep 0.05; done
}

stop() {
  [ "$(id -u)" -eq 0 ] || fail "stop needs root"
  end_process "$dir/checks.pid"
  end_process "$dir/slirp.pid"
  # The first process of a namespace takes all others with it, and the mounts with them.
  local inside
  inside=$(find_inside)
  [ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null || true
  end_process "$dir/unshare.pid"
  # cgroups outlive their processes.
  local group
  for group in /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent; do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  ! grep -q " $dir/" /proc/mounts || fail "something is still mounted below $dir"
  rm -rf --one-file-system "$dir"
}

[ $# -ge 2 ] || {
  usage >&2
  exit 2
}
command=$1
dir=$(realpath -m "$2")
shift 2
case "$command" in
start | stop | enter) [ $# -eq 0 ] || fail "$command takes one folder" ;;
run | load) [ $# -gt 0 ] || fail "$command needs more words" ;;
*)
  usage >&2
  exit 2
  ;;
esac
"$command" "$@"
