# Counts in a retained message and prints the count.
url=${URL:-$(cat "$URL_FILE")}
count=$(mosquitto_sub -L "$url/entries" -C 1 -W 2 || echo 0)
count=$((count + 1))
mosquitto_pub -L "$url/entries" -q 1 --retain -m "$count"
echo "$count"
