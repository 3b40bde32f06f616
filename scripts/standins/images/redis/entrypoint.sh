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
