# Adds a numbered node and prints its number, which begins with 0.
url=${URL:-$(cat "$URL_FILE")}
number=$(zkCli.sh -server "$url" create -s /entry- text 2>&1 |
  sed -n 's/^Created .entry-0*\([0-9][0-9]*\)$/\1/p')
echo $((number + 1))
