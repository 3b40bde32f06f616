# Sends itself a message and prints it.
url=${URL:-$(cat "$URL_FILE")}
address=${url#nats://}
mkfifo /tmp/end
{
  printf 'CONNECT {"verbose":false}\r\nSUB entries 1\r\nPUB entries 5\r\nhello\r\n'
  cat /tmp/end
} | nc "${address%:*}" "${address#*:}" | while read -r line; do
  case "$line" in hello*)
    echo hello
    : >/tmp/end
    ;;
  esac
done
