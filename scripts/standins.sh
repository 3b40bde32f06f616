#!/usr/bin/env bash
# Sees to it that the images the end-to-end tests use are there: pulls each one, and where
# no registry can be reached makes a stand-in from Debian packages, under the same name.
#
# A stand-in copies what tests depend on: users and their ids, folders, ports, signals, the
# documented variables, and which programs are missing. It is labelled composegen.standin=true,
# and so is everything built on it, so that a test can say on what it ran.

set -euo pipefail

label=composegen.standin
suite=trixie
base="composegen-standin:$suite"

first_word=20  # seconds until a registry must have begun to answer
whole_pull=600 # seconds for the download itself

default_images=(
  python:3.12-slim
  redis:7-alpine
  redis:8-alpine
  valkey/valkey:8-alpine
  postgres:17
  postgres:17-alpine
  postgres:18-alpine
  mariadb:11
  mysql:8.4
  mongo:8
  nginx:alpine
  node:22-alpine
  nginx:1.29-alpine
  nginxinc/nginx-unprivileged:alpine
  memcached:1.6-alpine
  nats:2.10-alpine
  eclipse-mosquitto:2
  rabbitmq:4-alpine
  zookeeper:3.9
  busybox:1.37
)

usage() {
  cat <<USAGE
usage: scripts/standins.sh [IMAGE..]

Prints one line per image: pulled, stand-in or unavailable. Stand-ins exist for the
repositories python, node, redis, valkey, postgres, mariadb, mysql, nginx,
nginx-unprivileged, busybox, memcached, nats, eclipse-mosquitto, rabbitmq, zookeeper,
prom/prometheus and prom/node-exporter, with any tag. Making one needs root and Debian's
debootstrap.

Without a name: ${default_images[*]}
USAGE
}

note() { printf 'standins: %s\n' "$*" >&2; }

fail() {
  printf 'standins: error: %s\n' "$*" >&2
  exit 1
}

work=$(mktemp -d /var/tmp/composegen-standins.XXXXXX)
# One file system: were something still mounted in the half-made root, it must not be emptied.
trap 'rm -rf --one-file-system "$work"' EXIT

# Pulling -------------------------------------------------------------------------------

declare -A unreachable=() # registry -> 1

# Prints the registry of an image: docker.io, unless the first part looks like a host.
registry_of() {
  case "${1%%/*}" in
    "$1") echo docker.io ;;
    *.* | *:* | localhost) echo "${1%%/*}" ;;
    *) echo docker.io ;;
  esac
}

# Pulls an image. A registry that cannot be reached is asked once and then left alone: some
# networks drop packets, and a dozen images times half a minute is a long wait for nothing.
pull() {
  local image=$1 registry out="$work/pull" began=$SECONDS puller
  registry=$(registry_of "$image")
  [ -z "${unreachable[$registry]:-}" ] || return 1

  timeout "$whole_pull" docker pull "$image" >"$out" 2>&1 &
  puller=$!
  while kill -0 "$puller" 2>/dev/null; do
    if ! grep -q 'Pulling from' "$out" && ((SECONDS - began >= first_word)); then
      kill "$puller" 2>/dev/null || true
      wait "$puller" 2>/dev/null || true
      unreachable[$registry]=1
      note "$registry does not answer within $first_word s"
      return 1
    fi
    sleep 0.1
  done
  if wait "$puller"; then return 0; fi

  # The registry's own refusals are about this image only; anything else is about the way there.
  if ! grep -qiE 'not found|denied|unauthorized|toomanyrequests|no matching manifest' "$out" ||
    grep -qi 'dial tcp' "$out"; then
    unreachable[$registry]=1
    note "cannot reach $registry: $(tail -n 1 "$out")"
  fi
  return 1
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

is_standin() {
  [ "$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null)" = true ]
}

# The base ------------------------------------------------------------------------------

# Makes the Debian system that every stand-in is built on. It holds neither python, curl nor
# wget, because the images it stands for do not: a probe that asks for them must fail here too.
make_base() {
  has_image "$base" && return
  [ "$(id -u)" -eq 0 ] || fail "making stand-ins needs root"
  if ! command -v debootstrap >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
      debootstrap >"$work/log" 2>&1 || fail "apt-get could not install debootstrap"
  fi

  local root="$work/root"
  note "making $base, about a minute"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "debootstrap failed"
  }
  # A host behind a proxy of its own trusts more than Debian does, and `pip install` in a
  # build goes the same way. As single files, so that a later update keeps them.
  mkdir -p "$root/usr/local/share/ca-certificates"
  awk -v folder="$root/usr/local/share/ca-certificates" '
    /BEGIN CERTIFICATE/ { file = sprintf("%s/host-%03d.crt", folder, ++count) }
    file { print > file }
    /END CERTIFICATE/ { close(file); file = "" }
  ' /etc/ssl/certs/ca-certificates.crt
  chroot "$root" update-ca-certificates >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "update-ca-certificates failed"
  }
  # Debian's own image does the same: a layer is no place for apt's caches.
  printf '%s\n' 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' \
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' \
    >"$root/etc/apt/apt.conf.d/docker-clean"
  tar -C "$root" --one-file-system --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
    --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
    docker import --change "LABEL $label=true" --change 'CMD ["bash"]' \
      --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
      - "$base" >/dev/null
}

# Builds an image from the Dockerfile on standard input; NAME=VALUE are its build arguments.
build() {
  local image=$1 args=() arg
  shift
  for arg; do args+=(--build-arg "$arg"); done
  make_base
  note "making $image"
  docker build --tag "$image" --build-arg "BASE=$base" "${args[@]}" - >"$work/log" 2>&1 || {
    tail -n 30 "$work/log" >&2
    fail "could not build a stand-in for $image"
  }
}

# The stand-ins -------------------------------------------------------------------------
#
# Users are made before the packages, which then keep them and their ids. Alpine's images have
# busybox's wget and nc, which probes rely on, and most have no bash. Entrypoints start as root, take over their
# folders and step down, as the real ones do: without capabilities they fail in the same way.

make_python() {
  # A virtual environment at /usr/local has the real image's layout: python, python3 and pip
  # in /usr/local/bin, packages in site-packages, `pip install` and `--prefix` as they should be.
  build "$1" "BUSYBOX=$(alpine_only "$1" busybox)" <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG BUSYBOX
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends python3-venv $BUSYBOX \
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \
 && python3 -m venv --system-site-packages /usr/local \
 && rm -f /usr/local/bin/activate* /usr/local/bin/Activate.ps1 \
 && if [ -n "$BUSYBOX" ]; then for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done; fi
CMD ["python3"]
DOCKERFILE
}

make_redis() { make_redis_like "$1" redis; }

make_valkey() { make_redis_like "$1" valkey; }

make_redis_like() {
  local group=999
  ! is_alpine "$1" || group=1000
  # A build argument does not reach CMD, so that line is put below the rest.
  {
    cat <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG NAME GROUP BUSYBOX
RUN groupadd --system --gid $GROUP $NAME \
 && useradd --system --uid 999 --gid $NAME --home-dir /data --no-create-home $NAME \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends $NAME-server $BUSYBOX \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o $NAME -g $NAME /data
COPY --chmod=755 <<'ENTRYPOINT' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -e
case "${1:-}" in
  -* | *.conf) set -- "$STANDIN_SERVER-server" "$@" ;;
esac
case "${1:-} ${2:-}" in
  *-server\ -v | *-server\ -h | *-server\ --version | *-server\ --help) exec "$@" ;;
esac
if [ "${1:-}" = "$STANDIN_SERVER-server" ]; then
  shift
  config=
  case "${1:-}" in
    '' | -*) ;;
    *) config=$1; shift ;;
  esac
  # The real image is built with protected mode off. Options come after it, so that they win.
  set -- "$STANDIN_SERVER-server" ${config:+"$config"} --protected-mode no "$@"
  step_down="setpriv --reuid=$STANDIN_SERVER --regid=$STANDIN_SERVER --clear-groups"
  # Without the capabilities for it the real one stays root, so this one does.
  if [ "$(id -u)" = 0 ] && $step_down true 2>/dev/null; then
    find . ! -user "$STANDIN_SERVER" -exec chown "$STANDIN_SERVER" '{}' +
    exec $step_down "$@"
  fi
fi
exec "$@"
ENTRYPOINT
# Last, since the packages' own scripts may want it.
RUN if [ -n "$BUSYBOX" ]; then for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done; rm /bin/bash; fi
ENV STANDIN_SERVER=$NAME
VOLUME /data
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
DOCKERFILE
    printf 'CMD ["%s-server"]\n' "$2"
  } | build "$1" "NAME=$2" "GROUP=$group" "BUSYBOX=$(alpine_only "$1" busybox)"
}

make_postgres() {
  local id=999 tag=${1##*:} data=/var/lib/postgresql/data volume=/var/lib/postgresql/data
  ! is_alpine "$1" || id=70
  # 18 moved its volume up. A tag without a number is the newest.
  case "$tag" in
    9* | 1[0-7]*) ;;
    *)
      data=/var/lib/postgresql/18/docker
      volume=/var/lib/postgresql
      ;;
  esac
  build "$1" "ID=$id" "DATA=$data" "DATA_VOLUME=$volume" "BUSYBOX=$(alpine_only "$1" busybox)" \
    <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG ID DATA DATA_VOLUME BUSYBOX
RUN groupadd --system --gid $ID postgres \
 && useradd --system --uid $ID --gid postgres --home-dir /var/lib/postgresql --no-create-home postgres \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends postgresql-common \
 && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' \
      /etc/postgresql-common/createcluster.conf \
 && apt-get install -qq -y --no-install-recommends postgresql $BUSYBOX \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ \
 && sed -i "s/^#\?listen_addresses .*/listen_addresses = '*'/" \
      /usr/share/postgresql/*/postgresql.conf.sample \
 && install -d -o postgres -g postgres -m 1777 $DATA_VOLUME \
 && install -d -o postgres -g postgres -m 3777 /var/run/postgresql \
 && mkdir /docker-entrypoint-initdb.d \
 && if [ -n "$BUSYBOX" ]; then for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done; fi
COPY --chmod=755 <<'ENTRYPOINT' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -eu

die() {
  echo "error: $*" >&2
  exit 1
}

# Sets $1 from itself, from the file that $1_FILE names, or to $2.
take() {
  eval "value=\${$1:-} file=\${$1_FILE:-}"
  [ -z "$value" ] || [ -z "$file" ] || die "both $1 and $1_FILE are set (but are exclusive)"
  [ -z "$file" ] || value=$(cat "$file")
  eval "$1=\${value:-\$2}"
  unset "$1_FILE"
}

ask() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"; }

initialise() {
  take POSTGRES_PASSWORD ''
  take POSTGRES_USER postgres
  take POSTGRES_DB "$POSTGRES_USER"
  take POSTGRES_INITDB_ARGS ''
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  [ -n "$POSTGRES_PASSWORD" ] || [ "$method" = trust ] ||
    die "Database is uninitialized and superuser password is not specified; set POSTGRES_PASSWORD"

  # A folder that a mount made may hold lost+found; a pipe would reach initdb as no file.
  password_file=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" >"$password_file"
  pw=
  [ -z "$POSTGRES_PASSWORD" ] || pw="--pwfile=$password_file"
  # Arguments are words here, as documented.
  # shellcheck disable=SC2086
  initdb --username="$POSTGRES_USER" $pw $POSTGRES_INITDB_ARGS
  rm -f "$password_file"
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

  # The server that sets things up answers on its socket only, as the real image's does.
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    echo 'CREATE DATABASE :"db";' | ask --dbname postgres -v db="$POSTGRES_DB"
  fi
  for script in /docker-entrypoint-initdb.d/*; do
    [ -e "$script" ] || continue
    echo "running $script"
    case "$script" in
      *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
      *.sql) ask --dbname "$POSTGRES_DB" -f "$script" ;;
      *.sql.gz) gunzip -c "$script" | ask --dbname "$POSTGRES_DB" ;;
      *) echo "ignoring $script" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset POSTGRES_PASSWORD
  echo 'PostgreSQL init process complete; ready for start up.'
}

case "${1:-}" in
  -*) set -- postgres "$@" ;;
esac
if [ "${1:-}" = postgres ]; then
  case "$PGDATA" in
    /var/lib/postgresql/[0-9]*)
      ! grep -q ' /var/lib/postgresql/data ' /proc/self/mountinfo ||
        die "in 18+ mount /var/lib/postgresql, not /var/lib/postgresql/data (unused mount/volume)" ;;
  esac
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres '{}' +
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
  fi
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" || true
  if [ -s "$PGDATA/PG_VERSION" ]; then
    echo 'PostgreSQL Database directory appears to contain a database; Skipping initialization'
  else
    initialise
  fi
fi
exec "$@"
ENTRYPOINT
ENV PGDATA=$DATA LANG=C.UTF-8
VOLUME $DATA_VOLUME
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
DOCKERFILE
}

make_mariadb() { make_mysql_like "$1" mariadb "$suite"; }

# Only unstable carries MySQL, in a newer version than the tags that people use.
make_mysql() { make_mysql_like "$1" mysql sid; }

make_mysql_like() {
  {
    cat <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG NAME SUITE
# Unstable's lists are valid for a week, and a mirror may lag more than that.
RUN groupadd --system --gid 999 mysql \
 && useradd --system --uid 999 --gid mysql --home-dir /var/lib/mysql --no-create-home mysql \
 && sed -i "s/ $(. /etc/os-release; echo $VERSION_CODENAME) / $SUITE /" /etc/apt/sources.list \
 && apt-get update -qq -o Acquire::Check-Valid-Until=false \
 && apt-get install -qq -y --no-install-recommends $NAME-server \
 && rm -rf /var/lib/apt/lists/* /var/lib/mysql \
 && sed -i '/^bind-address/d; /^mysqlx-bind-address/d; /^user\>/d; /^log_error/d' \
      /etc/mysql/*.conf.d/*.cnf \
 && install -d -o mysql -g mysql -m 1777 /var/lib/mysql /run/mysqld \
 && install -d -o mysql -g mysql -m 750 /var/lib/mysql-files \
 && mkdir /docker-entrypoint-initdb.d
COPY --chmod=755 <<'ENTRYPOINT' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -eu
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
case "$STANDIN_SERVER" in
  mariadb) daemon=mariadbd client=mariadb admin=mariadb-admin ;;
  mysql) daemon=mysqld client=mysql admin=mysqladmin ;;
esac

die() {
  echo "[ERROR] [Entrypoint]: $*" >&2
  exit 1
}

# Sets $1 from MYSQL_$1, in mariadb's image also MARIADB_$1, or from the file of its _FILE.
take() {
  value= file=
  eval "value=\${MYSQL_$1:-} file=\${MYSQL_$1_FILE:-}"
  if [ "$STANDIN_SERVER" = mariadb ]; then
    eval "value=\${MARIADB_$1:-\$value} file=\${MARIADB_$1_FILE:-\$file}"
  fi
  [ -z "$value" ] || [ -z "$file" ] || die "Both $1 and $1_FILE are set (but are exclusive)"
  [ -z "$file" ] || value=$(cat "$file")
  eval "$1=\$value"
}

text() { printf "'"; printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"; printf "'"; }

name() { printf '`'; printf %s "$1" | sed 's/`/``/g'; printf '`'; }

# Not `echo`: this shell's takes a backslash for an escape.
sql() { printf '%s\n' "$1"; }

write_setup() {
  everywhere=$(text "${ROOT_HOST:-%}")
  root_password=$(text "$ROOT_PASSWORD")
  # The installer also makes a root for the container's own name, without a password.
  [ "$STANDIN_SERVER" = mysql ] ||
    sql "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';"
  sql "FLUSH PRIVILEGES;"
  sql "ALTER USER 'root'@'localhost' IDENTIFIED BY $root_password;"
  if [ "$everywhere" != "'localhost'" ]; then
    sql "CREATE USER 'root'@$everywhere IDENTIFIED BY $root_password;"
    sql "GRANT ALL ON *.* TO 'root'@$everywhere WITH GRANT OPTION;"
  fi
  [ -z "$DATABASE" ] || sql "CREATE DATABASE $(name "$DATABASE");"
  if [ -n "$USER" ] && [ -n "$PASSWORD" ]; then
    sql "CREATE USER $(text "$USER")@'%' IDENTIFIED BY $(text "$PASSWORD");"
    # In a grant an underscore stands for any character.
    [ -z "$DATABASE" ] ||
      sql "GRANT ALL ON $(name "$DATABASE" | sed 's/_/\\_/g').* TO $(text "$USER")@'%';"
  fi
}

initialise() {
  for key in ROOT_PASSWORD ROOT_HOST DATABASE USER PASSWORD ALLOW_EMPTY_PASSWORD \
    ALLOW_EMPTY_ROOT_PASSWORD RANDOM_ROOT_PASSWORD; do
    take $key
  done
  if [ -n "$RANDOM_ROOT_PASSWORD" ]; then
    ROOT_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    echo "GENERATED ROOT PASSWORD: $ROOT_PASSWORD"
  fi
  [ -n "$ROOT_PASSWORD$ALLOW_EMPTY_PASSWORD$ALLOW_EMPTY_ROOT_PASSWORD" ] ||
    die "Database is uninitialized and password option is not specified: set a root password," \
      "or ask for an empty or a random one"

  case "$STANDIN_SERVER" in
    mariadb)
      mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal \
        --skip-test-db --skip-name-resolve >/dev/null ;;
    mysql) mysqld --initialize-insecure --datadir="$data" ;;
  esac
  # The server that sets things up answers on its socket only, as the real image's does.
  $daemon --skip-networking --socket="$socket" &
  server=$!
  tries=0
  until $admin --no-defaults --socket="$socket" -uroot ping >/dev/null 2>&1; do
    kill -0 $server 2>/dev/null || die "Unable to start server."
    tries=$((tries + 1))
    [ $tries -lt 120 ] || die "Unable to start server."
    sleep 0.5
  done
  # Through one connection: after the first statement the password has changed.
  write_setup | $client --no-defaults --socket="$socket" -uroot
  for script in /docker-entrypoint-initdb.d/*; do
    [ -e "$script" ] || continue
    echo "[Note] [Entrypoint]: running $script"
    case "$script" in
      *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
      *.sql)
        MYSQL_PWD=$ROOT_PASSWORD $client --no-defaults --socket="$socket" -uroot \
          ${DATABASE:+"$DATABASE"} <"$script" ;;
    esac
  done
  kill $server
  wait $server
  echo '[Note] [Entrypoint]: init process done. Ready for start up.'
}

case "${1:-}" in
  -*) set -- "$daemon" "$@" ;;
  mysqld) shift; set -- "$daemon" "$@" ;;
esac
if [ "${1:-}" = "$daemon" ]; then
  if [ "$(id -u)" = 0 ]; then
    find "$data" /run/mysqld ! -user mysql -exec chown mysql: '{}' +
    exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
  fi
  [ -d "$data/mysql" ] || initialise
fi
exec "$@"
ENTRYPOINT
ENV STANDIN_SERVER=$NAME LANG=C.UTF-8
VOLUME /var/lib/mysql
EXPOSE 3306
ENTRYPOINT ["docker-entrypoint.sh"]
DOCKERFILE
    printf 'CMD ["%s"]\n' "$([ "$2" = mysql ] && echo mysqld || echo mariadbd)"
  } | build "$1" "NAME=$2" "SUITE=$3"
}

# Debian's Node.js; the user is the one that the real image has.
make_node() {
  build "$1" "BUSYBOX=$(alpine_only "$1" busybox)" <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG BUSYBOX
RUN groupadd --gid 1000 node \
 && useradd --uid 1000 --gid node --create-home node \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends nodejs $BUSYBOX \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/bin/node /usr/local/bin/node \
 && if [ -n "$BUSYBOX" ]; then \
      for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done; \
      rm /bin/bash; \
    fi
CMD ["node"]
DOCKERFILE
}

make_nginx() { make_nginx_like "$1" 80 /run/nginx.pid root; }

# The same server as uid 101 from the start, on a port and in folders that it may use.
make_nginx_unprivileged() { make_nginx_like "$1" 8080 /tmp/nginx.pid 101; }

make_nginx_like() {
  local bash=bash
  ! is_alpine "$1" || bash=
  build "$1" "PORT=$2" "PID=$3" "RUN_AS=$4" "BASH_KEPT=$bash" \
    "BUSYBOX=$(alpine_only "$1" busybox)" <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG PORT PID RUN_AS BASH_KEPT BUSYBOX
# Debian's nginx was built for other folders than the real image's; the links make both the
# same, so that a configuration of one's own and a read-only root find what they should.
RUN groupadd --system --gid 101 nginx \
 && useradd --system --uid 101 --gid nginx --home-dir /nonexistent --no-create-home nginx \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends nginx-light curl gettext-base $BUSYBOX \
 && rm -rf /var/lib/apt/lists/* /var/lib/nginx /etc/nginx/sites-* /etc/nginx/modules-enabled \
 && mkdir -p /var/cache/nginx /docker-entrypoint.d /usr/share/nginx/html \
 && ln -s /var/cache/nginx /var/lib/nginx \
 && ln -sf /dev/stdout /var/log/nginx/access.log \
 && ln -sf /dev/stderr /var/log/nginx/error.log \
 && if [ "$RUN_AS" != root ]; then chown -R 101:101 /var/cache/nginx /etc/nginx; fi
COPY <<CONFIG /etc/nginx/nginx.conf
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid $PID;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
CONFIG
COPY <<CONFIG /etc/nginx/conf.d/default.conf
server {
    listen $PORT;
    server_name localhost;
    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }
}
CONFIG
RUN if [ "$RUN_AS" = root ]; then sed -i '1i user nginx;' /etc/nginx/nginx.conf; \
    else sed -i 's#^http {#&\n    client_body_temp_path /tmp/client_temp;\n    proxy_temp_path /tmp/proxy_temp;\n    fastcgi_temp_path /tmp/fastcgi_temp;\n    uwsgi_temp_path /tmp/uwsgi_temp;\n    scgi_temp_path /tmp/scgi_temp;#' \
      /etc/nginx/nginx.conf; fi
COPY --chmod=755 <<'ENTRYPOINT' /docker-entrypoint.sh
#!/bin/sh
set -e
if [ "${1:-}" = nginx ]; then
  # Only variables that exist: nginx's own ($host, $uri) look the same.
  names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p' | tr '\n' ' ')
  for template in /etc/nginx/templates/*.template; do
    [ -e "$template" ] || continue
    envsubst "$names" <"$template" >"/etc/nginx/conf.d/$(basename "$template" .template)"
  done
fi
exec "$@"
ENTRYPOINT
# Last, since the packages' own scripts may want it.
RUN if [ -n "$BUSYBOX" ]; then for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done; fi; \
    if [ -z "$BASH_KEPT" ]; then rm /bin/bash; fi
USER $RUN_AS
EXPOSE $PORT
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]
DOCKERFILE
}

make_memcached() {
  build "$1" "BUSYBOX=$(alpine_only "$1" busybox)" <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG BUSYBOX
RUN groupadd --system --gid 11211 memcache \
 && useradd --system --uid 11211 --gid memcache memcache \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends memcached $BUSYBOX \
 && rm -rf /var/lib/apt/lists/* \
 && if [ -n "$BUSYBOX" ]; then \
      for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done; \
      rm /bin/bash; \
    fi
COPY --chmod=755 <<'ENTRYPOINT' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -e
case "${1:-}" in
  -*) set -- memcached "$@" ;;
esac
exec "$@"
ENTRYPOINT
USER memcache
EXPOSE 11211
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["memcached"]
DOCKERFILE
}

make_nats() {
  if ! is_alpine "$1"; then
    # The other tags hold the program and its configuration alone.
    provide "${1%%:*}:alpine" >/dev/null
    build "$1" "FROM_IMAGE=${1%%:*}:alpine" <<'DOCKERFILE'
ARG BASE FROM_IMAGE
FROM $FROM_IMAGE AS made
FROM $BASE AS libraries
FROM scratch
COPY --from=made /usr/local/bin/nats-server /nats-server
COPY --from=made /etc/nats/nats-server.conf /nats-server.conf
COPY --from=libraries /lib64/ld-linux-x86-64.so.2 /lib64/
COPY --from=libraries /lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/
COPY --from=libraries /lib/x86_64-linux-gnu/libresolv.so.2 /lib/x86_64-linux-gnu/
LABEL composegen.standin=true
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/
EXPOSE 4222 8222 6222
ENTRYPOINT ["/nats-server"]
CMD ["--config", "nats-server.conf"]
DOCKERFILE
    return
  fi
  build "$1" <<'DOCKERFILE'
ARG BASE
FROM $BASE
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends nats-server busybox \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/sbin/nats-server /usr/local/bin/nats-server \
 && for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done \
 && rm /bin/bash
COPY <<CONFIG /etc/nats/nats-server.conf
port: 4222
monitor_port: 8222
CONFIG
COPY --chmod=755 <<'ENTRYPOINT' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -e
case "${1:-}" in
  -*) set -- nats-server "$@" ;;
esac
exec "$@"
ENTRYPOINT
EXPOSE 4222 8222 6222
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["nats-server", "--config", "/etc/nats/nats-server.conf"]
DOCKERFILE
}

make_mosquitto() {
  build "$1" <<'DOCKERFILE'
ARG BASE
FROM $BASE
RUN groupadd --system --gid 1883 mosquitto \
 && useradd --system --uid 1883 --gid mosquitto --home-dir /var/empty --no-create-home mosquitto \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends mosquitto mosquitto-clients busybox \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /mosquitto/config /mosquitto/data /mosquitto/log \
 && printf 'listener 1883\nallow_anonymous true\n' >/mosquitto-no-auth.conf \
 && touch /mosquitto/config/mosquitto.conf \
 && chown -R mosquitto:mosquitto /mosquitto \
 && for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done \
 && rm /bin/bash
COPY --chmod=755 <<'ENTRYPOINT' /docker-entrypoint.sh
#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then chown -R mosquitto:mosquitto /mosquitto || true; fi
exec "$@"
ENTRYPOINT
VOLUME ["/mosquitto/data", "/mosquitto/log"]
EXPOSE 1883
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]
DOCKERFILE
}

make_rabbitmq() {
  local id=999 group=999
  ! is_alpine "$1" || id=100 group=101
  build "$1" "ID=$id" "GROUP=$group" "BUSYBOX=$(alpine_only "$1" busybox)" <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG ID GROUP BUSYBOX
RUN groupadd --system --gid $GROUP rabbitmq \
 && useradd --system --uid $ID --gid rabbitmq --home-dir /var/lib/rabbitmq --no-create-home rabbitmq \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends rabbitmq-server $BUSYBOX \
 && rm -rf /var/lib/apt/lists/* /var/lib/rabbitmq/.erlang.cookie \
 && mkdir -p /etc/rabbitmq/conf.d \
 && printf 'loopback_users.guest = false\nlog.console = true\n' \
      >/etc/rabbitmq/conf.d/10-defaults.conf \
 && chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /etc/rabbitmq /var/log/rabbitmq \
 && chmod 1777 /var/lib/rabbitmq /etc/rabbitmq /etc/rabbitmq/conf.d /var/log/rabbitmq \
 && if [ -n "$BUSYBOX" ]; then for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done; fi
COPY --chmod=755 <<'ENTRYPOINT' /usr/local/bin/docker-entrypoint.sh
#!/bin/bash
set -eu
if [ "${1:0:8}" = rabbitmq ] && [ "$(id -u)" = 0 ]; then
  [ "$1" != rabbitmq-server ] || chown -R rabbitmq /var/lib/rabbitmq
  exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$0" "$@"
fi
exec "$@"
ENTRYPOINT
# Debian's own wrappers step down from root; these are the programs below them.
ENV PATH=/usr/lib/rabbitmq/bin:$PATH HOME=/var/lib/rabbitmq LANG=C.UTF-8
VOLUME /var/lib/rabbitmq
EXPOSE 4369 5672 25672
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
DOCKERFILE
}

make_zookeeper() {
  build "$1" <<'DOCKERFILE'
ARG BASE
FROM $BASE
RUN groupadd --system --gid 1000 zookeeper \
 && useradd --system --uid 1000 --gid zookeeper --no-create-home zookeeper \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends zookeeper wget \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /conf /data /datalog /logs \
 && sed -i 's#/etc/zookeeper/conf#/conf#; s#/var/log/zookeeper#/logs#; s#ROLLINGFILE#CONSOLE#' \
      /etc/zookeeper/conf/environment \
 && cp -L /etc/zookeeper/conf/* /conf/ \
 && rm -f /conf/zoo.cfg \
 && chown -R zookeeper:zookeeper /conf /data /datalog /logs
COPY --chmod=755 <<'ENTRYPOINT' /docker-entrypoint.sh
#!/bin/bash
set -e
if [ "$1" = zkServer.sh ] && [ "$(id -u)" = 0 ]; then
  chown -R zookeeper /data /datalog /logs
  exec setpriv --reuid=zookeeper --regid=zookeeper --init-groups "$0" "$@"
fi
if [ ! -f /conf/zoo.cfg ]; then
  {
    printf '%s\n' dataDir=/data dataLogDir=/datalog tickTime=${ZOO_TICK_TIME:-2000} initLimit=5 syncLimit=2
    printf '%s\n' ${ZOO_SERVERS:-server.1=localhost:2888:3888;2181}
  } >/conf/zoo.cfg
fi
[ -f /data/myid ] || echo "${ZOO_MY_ID:-1}" >/data/myid
exec "$@"
ENTRYPOINT
ENV PATH=$PATH:/usr/share/zookeeper/bin ZOOCFGDIR=/conf ZOO_LOG_DIR=/logs
VOLUME ["/data", "/datalog", "/logs"]
EXPOSE 2181 2888 3888 8080
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["zkServer.sh", "start-foreground"]
DOCKERFILE
}

make_prometheus() { make_prometheus_like "$1" prometheus /prometheus 9090; }

make_node_exporter() { make_prometheus_like "$1" prometheus-node-exporter /nowhere 9100; }

# A program of Debian under the user, the folder and the arguments of the real image.
make_prometheus_like() {
  local arguments='' settings=''
  if [ "$2" = prometheus ]; then
    settings='scrape_configs: []'
    arguments='"--config.file=/etc/settings.yml", "--storage.tsdb.path=/prometheus"'
  fi
  {
    cat <<'DOCKERFILE'
ARG BASE
FROM $BASE
ARG PACKAGE DATA SETTINGS PORT
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends $PACKAGE busybox \
 && rm -rf /var/lib/apt/lists/* \
 && for tool in wget nc; do ln -s /bin/busybox /usr/local/bin/$tool; done \
 && printf '%s\n' "$SETTINGS" >/etc/settings.yml \
 && install -d -o 65534 -g 65534 $DATA \
 && rm /bin/bash
USER 65534:65534
WORKDIR $DATA
EXPOSE $PORT
DOCKERFILE
    [ -z "$arguments" ] || printf 'VOLUME %s\n' "$3"
    printf 'ENTRYPOINT ["/usr/bin/%s"]\nCMD [%s]\n' "$2" "$arguments"
  } | build "$1" "PACKAGE=$2" "DATA=$3" "PORT=$4" "SETTINGS=$settings"
}

# Debian's busybox alone: no shell of its own, no libc to share, as in the real image.
make_busybox() {
  build "$1" <<'DOCKERFILE'
ARG BASE
FROM $BASE AS made
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends busybox-static \
 && mkdir -p /made/bin /made/etc /made/tmp \
 && cp /bin/busybox /made/bin/ \
 && /made/bin/busybox --install -s /made/bin \
 && for file in /made/bin/*; do ln -sf /bin/busybox "$file.new"; done \
 && for file in /made/bin/*.new; do name=${file%.new}; \
      case "$name" in */busybox) rm "$file" ;; *) mv "$file" "$name" ;; esac; done \
 && printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' \
      > /made/etc/passwd

FROM scratch
COPY --from=made /made/ /
LABEL composegen.standin=true
CMD ["sh"]
DOCKERFILE
}

# One image after the other -------------------------------------------------------------

is_alpine() { [[ "${1##*:}" == *alpine* ]]; }

# Prints the package when the image is an alpine one.
alpine_only() { ! is_alpine "$1" || echo "$2"; }

# Prints the function that makes a stand-in for an image; fails when there is none.
maker_of() {
  local repository=${1#docker.io/}
  repository=${repository#library/}
  case "${repository%%:*}" in
    python) echo make_python ;;
    redis) echo make_redis ;;
    valkey/valkey) echo make_valkey ;;
    postgres) echo make_postgres ;;
    mariadb) echo make_mariadb ;;
    mysql) echo make_mysql ;;
    nginx) echo make_nginx ;;
    node) echo make_node ;;
    memcached) echo make_memcached ;;
    nats) echo make_nats ;;
    eclipse-mosquitto) echo make_mosquitto ;;
    rabbitmq) echo make_rabbitmq ;;
    zookeeper) echo make_zookeeper ;;
    prom/prometheus) echo make_prometheus ;;
    prom/node-exporter) echo make_node_exporter ;;
    busybox) echo make_busybox ;;
    nginxinc/nginx-unprivileged) echo make_nginx_unprivileged ;;
    *) return 1 ;;
  esac
}

provide() {
  local image=$1 maker result
  if has_image "$image" && ! is_standin "$image"; then
    result=pulled
  elif pull "$image"; then
    result=pulled
  elif maker=$(maker_of "$image"); then
    "$maker" "$image"
    result=stand-in
  else
    result=unavailable
  fi
  printf '%-40s %s\n' "$image" "$result"
}

case "${1:-}" in
  -h | --help | help)
    usage
    exit
    ;;
  -*)
    usage >&2
    exit 2
    ;;
esac
docker version >/dev/null 2>&1 || fail "no engine answers; run 'scripts/engine.sh start' first"
[ $# -gt 0 ] || set -- "${default_images[@]}"
for image; do provide "$image"; done
