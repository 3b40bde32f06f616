#!/usr/bin/env bash
# Build a version of Docker Compose from its Go module, outside the repository.
#
# usage: compose.sh VERSION DIR
#
# Leaves DIR/docker-compose, and does nothing where it has that version already. The
# module comes from wherever your `go` gets modules. Needs Go; the first build takes
# several minutes. The last line is the path of the program.
set -euo pipefail

fail() { echo "compose.sh: $*" >&2; exit 2; }

test $# -eq 2 || fail "usage: compose.sh VERSION DIR"
version=${1#v}
[[ $version =~ ^([0-9]+)\.[0-9]+\.[0-9]+$ ]] || fail "not a version: $1"
module=github.com/docker/compose/v${BASH_REMATCH[1]}
target=$(realpath -m "$2")
repository=$(cd "$(dirname "$0")/../.." && pwd -P)
case "$target/" in "$repository/"*) fail "$target is in the repository" ;; esac
program=$target/docker-compose
mkdir -p "$target"

if test "$("$program" version --short 2>/dev/null || true)" = "$version"; then
  echo "$program"
  exit 0
fi

command -v go >/dev/null || fail "there is no go command"
source=$(mktemp -d)
trap 'chmod -R u+w "$source"; rm -rf "$source"' EXIT
# As the main module its own `replace` lines count, which `go install` refuses.
folder=$(cd "$source" && go mod download -json "$module@v$version" |
  sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
test -n "$folder" || fail "$module v$version cannot be had"
cp -R "$folder/." "$source"
chmod -R u+w "$source"
(cd "$source" && CGO_ENABLED=0 go build -trimpath \
  -ldflags "-s -w -X $module/internal.Version=$version" -o "$program.new" ./cmd)
mv "$program.new" "$program"
echo "$program"
