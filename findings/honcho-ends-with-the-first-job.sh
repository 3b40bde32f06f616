#!/usr/bin/env bash
# honcho ends every process, and itself with 0, when a job has ended well.
#
# version:   honcho 2.0.0 (PyPI)
# behaviour: The first process of a Procfile that ends, with whatever code, ends all the
#            others. A line for a migration, which ends with 0, so stops the whole
#            application after a second, and `honcho start` reports success.
# looked at: what is printed for a server and a job that ends with 0, and the exit code.
# output seen:
#   job.1 stopped (rc=0)
#   sending SIGTERM to server.1
#   server.1 stopped (rc=-15)
#   honcho start ended with 0
set -euo pipefail

own=$(realpath "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet --disable-pip-version-check honcho==2.0.0

cat > Procfile <<'FILE'
server: exec sleep 60
job: sleep 1
FILE

code=0
timeout 30 tools/bin/honcho start > said 2>&1 || code=$?
sed -nE -e 's/.*\| (\w+\.1 stopped .*)/\1/p' \
  -e 's/.*\| (sending SIGTERM to server\.1).*/\1/p' said > seen
echo "honcho start ended with $code" >> seen
cat seen
sed -n '/^# output seen:/,/^[^#]/s/^#   //p' "$own" | diff seen -
echo "as it was found"
