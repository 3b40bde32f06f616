# Prints the status of the front page.
url=${URL:-$(cat "$URL_FILE")}
curl -sS -o /dev/null -w '%{http_code}\n' "$url"
