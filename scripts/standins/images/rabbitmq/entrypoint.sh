#!/bin/bash
set -eu
if [ "${1:0:8}" = rabbitmq ] && [ "$(id -u)" = 0 ]; then
  [ "$1" != rabbitmq-server ] || chown -R rabbitmq /var/lib/rabbitmq
  exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$0" "$@"
fi
exec "$@"
