#!/usr/bin/env bash
# Compose 2 and Compose 5 read a bind mount in the short form differently.
#
# version:   compose-go 2.9.1 (in Compose 2.40.3) and 2.16.1 (in Compose 5.6.0)
# behaviour: `./conf:/conf` becomes a mount with `create_host_path: true` in the older one
#            and one without in the newer. `up` compares a hash of the service's JSON, so
#            that each makes the containers of the other again. The long form without
#            `bind` is the same in both.
# looked at: the JSON of the mounts as each version loads one file; needs Go.
# output seen:
#   v2.9.1 {"type":"bind","source":"/x/conf","target":"/short","bind":{"create_host_path":true}}
#   v2.9.1 {"type":"bind","source":"/x/conf","target":"/long"}
#   v2.16.1 {"type":"bind","source":"/x/conf","target":"/short","bind":{}}
#   v2.16.1 {"type":"bind","source":"/x/conf","target":"/long"}
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/main.go" <<'PROGRAM'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

const file = `
name: finding
services:
  web:
    image: any
    volumes:
      - ./conf:/short
      - {type: bind, source: ./conf, target: /long}
`

func main() {
	details := types.ConfigDetails{
		WorkingDir:  "/x",
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: []byte(file)}},
	}
	project, err := loader.LoadWithContext(context.Background(), details)
	if err != nil {
		panic(err)
	}
	for _, mount := range project.Services["web"].Volumes {
		text, _ := json.Marshal(mount)
		fmt.Println(os.Args[1], string(text))
	}
}
PROGRAM

for version in v2.9.1 v2.16.1; do
  mkdir "$folder/$version"
  cp "$folder/main.go" "$folder/$version"
  (
    cd "$folder/$version"
    go mod init finding
    go get "github.com/compose-spec/compose-go/v2@$version"
    go mod tidy
    go run . "$version" >> "$folder/seen"
  ) > "$folder/said" 2>&1 || { cat "$folder/said"; exit 1; }
done
cat "$folder/seen"
sed -n 's/^#   \(v2.*\)/\1/p' "$0" | diff "$folder/seen" -
echo "as it was found"
