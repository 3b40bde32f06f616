#!/usr/bin/env bash
# Gets a Docker engine for the end-to-end tests onto a Debian host that has none.
# It leaves a machine alone that already has one.

set -euo pipefail

# Outside the checkout: images are large, belong to root, and must survive `git clean`.
state="${COMPOSEGEN_ENGINE_DIR:-/var/tmp/composegen-engine}"
pid_file="$state/dockerd.pid"
log_file="$state/dockerd.log"

# Debian 12 carries engine 20.10 and no Compose v2. Engine, client: the newest pair that
# installs with Debian 12's libc. Compose, buildx: trixie's buildx is too old for
# `docker compose up --build`, which wants 0.17 or later.
engine_packages=(docker.io/trixie docker-cli/trixie docker-buildx/sid docker-compose/sid)
cli_packages=(docker-cli/trixie docker-compose/sid)
# Debian 12 carries kubectl 1.20, whose kustomize does not know what is rendered.
kubectl_packages=(kubectl/trixie)
extra_suites=(trixie sid)

sources_file=/etc/apt/sources.list.d/composegen-engine.sources
pins_file=/etc/apt/preferences.d/composegen-engine
policy_file=/usr/sbin/policy-rc.d

start_deadline=60 # seconds until a started engine must answer
stop_deadline=60  # dockerd gives its containers 15 seconds before it goes

usage() {
  cat <<USAGE
usage: scripts/engine.sh COMMAND

  install  install the engine, its client, buildx and Compose v2 (Debian, as root)
  cli      install the client and Compose v2 only, enough for \`docker compose config\`
  kubectl  install kubectl, which reads what is rendered for a cluster (Debian, as root)
  start    start an engine in the background, unless one answers already (as root)
  stop     stop the engine that \`start\` started, and no other
  status   say which engine answers; exit 1 when none does

COMPOSEGEN_ENGINE_DIR  where \`start\` keeps images, pid file and log
                       (now $state)
USAGE
}

say() { printf 'engine: %s\n' "$*"; }

fail() {
  printf 'engine: error: %s\n' "$*" >&2
  exit 1
}

need_root() {
  [ "$(id -u)" -eq 0 ] || fail "'$1' needs root"
}

# What answers --------------------------------------------------------------------------

# Prints the version of the engine that answers the client's own context or DOCKER_HOST.
# A wedged engine accepts the connection and says nothing, hence the timeout.
engine_version() {
  timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null
}

has_compose() { docker compose version >/dev/null 2>&1; }

has_buildx() { docker buildx version >/dev/null 2>&1; }

compose_version() { docker compose version --short 2>/dev/null || echo none; }

buildx_version() {
  local line
  line=$(docker buildx version 2>/dev/null) || line="buildx none"
  read -r _ line _ <<<"$line"
  echo "$line"
}

# Installing ----------------------------------------------------------------------------

# Prints the address of the mirror that this host takes Debian from. apt itself is asked,
# because it knows every form its sources may be written in (one-line, deb822, mirror lists).
debian_mirror() {
  # shellcheck disable=SC2016  # apt fills that in, not the shell
  apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' 'Label: Debian' "Codename: $1" | head -n 1
}

# Adds the suites that the packages come from, below 500 so that nothing else on the host
# is ever upgraded from them.
add_suites() {
  local host_suite mirror suite
  # shellcheck source=/dev/null
  host_suite=$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-sid}") ||
    fail "this installs on Debian only; elsewhere install Docker Engine and Compose v2 yourself"

  mirror=$(debian_mirror "$host_suite")
  if [ -z "$mirror" ]; then
    # Origin and codename come from the downloaded lists: a fresh image has none yet.
    apt-get update -qq
    mirror=$(debian_mirror "$host_suite")
  fi
  [ -n "$mirror" ] || fail "no Debian mirror for $host_suite among apt's sources"

  : >"$sources_file.new"
  : >"$pins_file.new"
  for suite in "${extra_suites[@]}"; do
    # Pinning down the suite that the host itself runs would stop its upgrades.
    [ "$suite" != "$host_suite" ] || continue
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
      "$mirror" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg >>"$sources_file.new"
    printf 'Package: *\nPin: release o=Debian,n=%s\nPin-Priority: 100\n\n' "$suite" \
      >>"$pins_file.new"
  done
  # The pins first: for no moment may the suites be there without them.
  mv "$pins_file.new" "$pins_file"
  mv "$sources_file.new" "$sources_file"
  apt-get update -qq
}

# Debian starts a service as it is installed. Without systemd that would be an engine with
# its state in /var/lib, which `stop` does not own, so starting is forbidden meanwhile.
apt_install() {
  local own_policy=
  if [ ! -d /run/systemd/system ] && [ ! -e "$policy_file" ]; then
    own_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy_file"
    chmod 755 "$policy_file"
  fi
  local code=0
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
    -o Dpkg::Use-Pty=0 "$@" || code=$?
  [ -z "$own_policy" ] || rm -f "$policy_file"
  [ "$code" -eq 0 ] || fail "apt-get could not install: $*"
}

install_engine() {
  if command -v dockerd >/dev/null && has_compose && has_buildx; then
    say "already installed: Compose $(compose_version), buildx $(buildx_version)"
    return
  fi
  need_root install
  add_suites
  apt_install "${engine_packages[@]}"
  has_compose || fail "installed, but 'docker compose version' does not work"
  has_buildx || fail "installed, but 'docker buildx version' does not work"
  say "installed: $(dockerd --version)"
  say "installed: Compose $(compose_version), buildx $(buildx_version)"
}

install_cli() {
  if has_compose; then
    say "already installed: Compose $(compose_version)"
    return
  fi
  need_root cli
  add_suites
  apt_install "${cli_packages[@]}"
  has_compose || fail "installed, but 'docker compose version' does not work"
  say "installed: Compose $(compose_version)"
}

install_kubectl() {
  if command -v kubectl >/dev/null; then
    say "already installed: kubectl"
    return
  fi
  need_root kubectl
  add_suites
  apt_install "${kubectl_packages[@]}"
  say "installed: $(kubectl version --client 2>/dev/null | head -n 1)"
}

# Running -------------------------------------------------------------------------------

# Prints the pid of the dockerd that `start` started, if it still runs. The number alone
# proves nothing: after a reboot it may belong to anyone.
own_pid() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "--pidfile=$pid_file" ||
    return 1
  echo "$pid"
}

show_log() {
  printf 'engine: last lines of %s:\n' "$log_file" >&2
  tail -n 25 "$log_file" >&2 || true
}

# Tests that were killed leave containers, and a start of the engine brings them up again:
# they would hold ports that the next tests need.
remove_leftovers() {
  local kind
  for kind in container network volume; do
    local filter=(--filter "name=^e2e-" --filter "name=^composegen-fresh-" --quiet)
    [ "$kind" != container ] || filter+=(--all)
    docker "$kind" ls "${filter[@]}" | xargs -r docker "$kind" rm --force >/dev/null || true
  done
}

start_engine() {
  local version
  if version=$(engine_version); then
    say "engine $version answers already; nothing to start"
    return
  fi
  [ -z "${DOCKER_HOST:-}" ] ||
    fail "DOCKER_HOST is set ($DOCKER_HOST) and nothing answers there; unset it to start one here"
  need_root start
  command -v dockerd >/dev/null || fail "no dockerd here; run 'scripts/engine.sh install' first"
  if own_pid >/dev/null; then
    fail "dockerd runs as $(own_pid) and does not answer; see $log_file"
  fi

  mkdir -p "$state/data" "$state/exec"
  # Left by an engine that was killed. dockerd refuses to start while the number in it belongs
  # to anything, be it a zombie that no process reaps.
  rm -f "$pid_file"
  # A session of its own, so that Ctrl-C in the caller's terminal does not reach it.
  setsid dockerd --data-root="$state/data" --exec-root="$state/exec" \
    --pidfile="$pid_file" >"$log_file" 2>&1 </dev/null &
  local child=$! began=$SECONDS
  until version=$(engine_version); do
    if ! kill -0 "$child" 2>/dev/null; then
      show_log
      fail "dockerd ended at once"
    fi
    if ((SECONDS - began >= start_deadline)); then
      show_log
      kill "$child" 2>/dev/null || true
      fail "dockerd did not answer within $start_deadline s"
    fi
    sleep 0.2
  done
  remove_leftovers
  say "engine $version started in $((SECONDS - began)) s, pid $(cat "$pid_file"), state in $state"
}

stop_engine() {
  local pid
  if ! pid=$(own_pid); then
    say "no engine of ours runs"
    return
  fi
  need_root stop
  kill -TERM "$pid"
  local began=$SECONDS
  while own_pid >/dev/null; do
    ((SECONDS - began < stop_deadline)) ||
      fail "dockerd ($pid) still runs after $stop_deadline s; see $log_file"
    sleep 0.2
  done
  say "engine stopped; its images stay in $state"
}

show_status() {
  local version pid
  if ! version=$(engine_version); then
    say "no engine answers"
    exit 1
  fi
  say "engine $version, Compose $(compose_version), buildx $(buildx_version)"
  if pid=$(own_pid); then
    say "started by this script: pid $pid, state in $state"
  else
    say "not started by this script"
  fi
}

case "${1:-}" in
  install) install_engine ;;
  cli) install_cli ;;
  kubectl) install_kubectl ;;
  start) start_engine ;;
  stop) stop_engine ;;
  status) show_status ;;
  -h | --help | help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
