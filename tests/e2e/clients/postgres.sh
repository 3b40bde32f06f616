# Adds an entry and prints how many there are.
url=${URL:-$(cat "$URL_FILE")}
psql "$url" -qAt -v ON_ERROR_STOP=1 \
  -c 'CREATE TABLE IF NOT EXISTS entries (id serial)' \
  -c 'INSERT INTO entries DEFAULT VALUES' \
  -c 'SELECT count(*) FROM entries'
