# Adds an entry and prints how many there are.
url=${URL:-$(cat "$URL_FILE")}
address=${url#memcached://}
printf 'add entries 0 0 1\r\n0\r\nincr entries 1\r\nquit\r\n' |
  nc "${address%:*}" "${address#*:}" | tr -d '\r' | tail -n 1
