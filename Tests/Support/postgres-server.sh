#!/bin/sh
# A PostgreSQL server of the tests' own: `postgres-server.sh PORT [ADDRESS]`.
#
# Says "ready DIRECTORY" when it takes connections, obeys "stop" and "start" from its input, and
# removes everything when its input ends, which it does in whatever way the tests end.
set -eu
trap '' INT TERM HUP
bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | sort -V | tail -1)
directory=$(mktemp -d /tmp/conveyor-postgres-XXXXXX)

# PostgreSQL refuses to run as root.
run() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
server() { (cd "$directory" && run "$bin/pg_ctl" -D data -l log -s -w "$@") >&2; }

echo 'right' >"$directory/password"
[ "$(id -u)" != 0 ] || chown -R postgres "$directory"
chmod 755 "$directory"
(cd "$directory" && run "$bin/initdb" -D data --no-sync -U postgres -E UTF8 --locale=C \
  --auth-local=trust --auth-host=scram-sha-256 --pwfile=password) >&2
cat >>"$directory/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1${2:+,$2}'
port = $1
unix_socket_directories = '$directory'
max_connections = 200
fsync = off
CONF
[ -z "${2:-}" ] || echo "host all all $2/24 scram-sha-256" >>"$directory/data/pg_hba.conf"
server start
echo "ready $directory"
while read -r command; do
  case $command in
    stop) server -m immediate stop ;;
    start) server start ;;
  esac
  echo "done $command"
done
# An order may have stopped it already.
server -m immediate stop || true
rm -rf "$directory"
