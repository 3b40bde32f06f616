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
