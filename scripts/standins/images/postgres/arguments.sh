# 18 moved its volume up. A tag without a number is the newest.
case "$1" in
  9* | 1[0-7]*) echo DATA=/var/lib/postgresql/data DATA_VOLUME=/var/lib/postgresql/data ;;
  *) echo DATA=/var/lib/postgresql/18/docker DATA_VOLUME=/var/lib/postgresql ;;
esac
