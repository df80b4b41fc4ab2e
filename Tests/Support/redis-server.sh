#!/bin/sh
# A Redis of the tests' own: `redis-server.sh PORT [OPTION VALUE]…`.
#
# Says "ready DIRECTORY" when it takes connections, obeys "stop" (at once, as kill -9 does), "start", "pause" and
# "continue" from its input, and removes everything when its input ends, which it does in whatever way the tests end.
set -eu
trap '' INT TERM HUP
directory=$(mktemp -d /tmp/conveyor-redis-XXXXXX)
port=$1
shift
server() {
  redis-server --port "$port" --bind 127.0.0.1 --unixsocket "$directory/redis.sock" --dir "$directory" \
    --appendonly yes --save '' --daemonize no --logfile "$directory/log" "$@" >&2 &
  process=$!
  until redis-cli -s "$directory/redis.sock" ping 2>/dev/null | grep -q -e PONG -e NOAUTH; do
    kill -0 "$process" || exit 1
    sleep 0.02
  done
}
# Not with wait(1): who starts this may have SIGCHLD blocked, and it would wait for ever.
stop() {
  kill -9 "$process" || true
  while grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$process/status" 2>/dev/null; do sleep 0.01; done
}
server "$@"
echo "ready $directory"
while read -r command; do
  case $command in
    stop) stop ;;
    start) server "$@" ;;
    pause) kill -STOP "$process" ;;
    continue) kill -CONT "$process" ;;
  esac
  echo "done $command"
done
stop
rm -rf "$directory"
