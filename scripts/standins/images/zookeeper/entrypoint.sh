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
