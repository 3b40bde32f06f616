# The same server as uid 101 from the start, on a port and in folders that it may use.
echo PORT=8080 PID=/tmp/nginx.pid RUN_AS=101
