#!/usr/bin/env bash
# supervisor starts programs in the order of their priority, and waits for none of them.
#
# version:   supervisor 4.3.0 (PyPI)
# behaviour: `priority` orders the starts of one pass. The program of the later priority
#            is spawned although the one before it is still STARTING (its `startsecs` are
#            not over), so that it is RUNNING first.
# looked at: the log of supervisord, for two programs with the priorities 1 and 2. The
#            first one counts as started after 4 s, the second one after 1 s.
# output seen:
#   spawned first
#   spawned second
#   running second
#   running first
set -euo pipefail

own=$(realpath "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet --disable-pip-version-check \
  supervisor==4.3.0 'setuptools<81'

cat > supervisord.conf <<FILE
[supervisord]
nodaemon=true
logfile=$folder/log
pidfile=$folder/pid
[program:first]
command=sleep 60
priority=1
startsecs=4
[program:second]
command=sleep 60
priority=2
startsecs=1
FILE

tools/bin/supervisord -n -c supervisord.conf > said 2>&1 &
daemon=$!
for _ in $(seq 150); do
  grep -q "first entered RUNNING" log 2> /dev/null && break
  sleep 0.2
done
kill -TERM "$daemon"
wait "$daemon" || true

sed -nE \
  -e "s/.* spawned: '(\w+)'.*/spawned \1/p" \
  -e "s/.* success: (\w+) entered RUNNING.*/running \1/p" log > seen
cat seen
sed -n '/^# output seen:/,/^[^#]/s/^#   //p' "$own" | diff seen -
echo "as it was found"
