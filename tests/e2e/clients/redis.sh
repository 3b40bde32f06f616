# Adds an entry and prints how many there are.
url=${URL:-$(cat "$URL_FILE")}
$CLIENT -e -u "$url" INCR entries
