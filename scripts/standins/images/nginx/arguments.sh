echo PORT=80 PID=/run/nginx.pid RUN_AS=root
