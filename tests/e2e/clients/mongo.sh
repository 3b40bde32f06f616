# Adds an entry and prints how many there are.
url=${URL:-$(cat "$URL_FILE")}
mongosh --quiet --norc "$url" \
  --eval 'db.entries.insertOne({}); print(db.entries.countDocuments())'
