#!/usr/bin/env bash
# podman-compose starts a service although the job that it waits for has failed.
#
# version:   podman-compose 1.6.0 (PyPI)
# behaviour: `service_completed_successfully` becomes `podman wait --condition=stopped`.
#            The exit code is never asked for; Docker Compose refuses to go on there. The
#            dependent container is created with `--requires=JOB`, so that Podman starts
#            the finished job again with it.
# looked at: the calls of podman, which is a program here that writes them down and says
#            that the job has ended with 3.
# output seen:
#   create --requires=finding_job_1
#   start finding_job_1
#   wait --condition=stopped finding_job_1
#   start finding_web_1
#   up -d ended with 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet --disable-pip-version-check podman-compose==1.6.0

cat > podman <<'STUB'
#!/usr/bin/env bash
case "$*" in
  --version*) echo "podman version 5.4.2" ;;
  *"network exists"* | *"image exists"*) exit 0 ;;
  ps*) echo "[]" ;;
  create*)
    for word in "$@"; do
      [[ $word == --requires=* ]] && echo "create $word" >> "$CALLS"
    done
    echo id ;;
  wait*) echo "$*" >> "$CALLS"; echo 3 ;;
  start*) echo "$*" >> "$CALLS" ;;
esac
exit 0
STUB
chmod +x podman
cat > compose.yaml <<'FILE'
name: finding
services:
  web:
    image: any
    depends_on: {job: {condition: service_completed_successfully}}
  job:
    image: any
    command: [sh, -c, "exit 3"]
FILE

code=0
CALLS=$folder/calls PATH=$folder:$PATH timeout 60 tools/bin/podman-compose \
  --podman-path "$folder/podman" up -d > said 2>&1 || code=$?
echo "up -d ended with $code" >> calls
cat calls
diff calls - <<'SEEN'
create --requires=finding_job_1
start finding_job_1
wait --condition=stopped finding_job_1
start finding_web_1
up -d ended with 0
SEEN
echo "as it was found"
