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
