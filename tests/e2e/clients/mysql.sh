# Adds an entry and prints how many there are. The client takes no URL, so it is split.
url=${URL:-$(cat "$URL_FILE")}
rest=${url#mysql://}
login=${rest%%@*}
place=${rest#*@}
address=${place%%/*}
export MYSQL_PWD="${login#*:}"
$CLIENT -h "${address%:*}" -P "${address#*:}" -u "${login%%:*}" -N -B "${place#*/}" -e '
  CREATE TABLE IF NOT EXISTS entries (id INT AUTO_INCREMENT PRIMARY KEY);
  INSERT INTO entries VALUES ();
  SELECT COUNT(*) FROM entries'
