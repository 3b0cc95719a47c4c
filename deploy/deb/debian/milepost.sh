#!/bin/sh
# The `milepost` command, by the Node.js that came with the package. An agent runs for months on a small
# machine: short-lived garbage is collected at 1 MiB, code is compiled for size, and all threads share one
# arena of malloc. What reads history makes garbage by the gigabyte: collected at 4 MiB, which costs no
# speed, its memory does not grow with the length of the range.
main=/usr/lib/milepost/dist/agent/cli/main.js
case $1 in
  run)
    export MALLOC_ARENA_MAX=1
    set -- --max-semi-space-size=1 --optimize-for-size --max-old-space-size=256 "$main" "$@"
    ;;
  train | backtest)
    export MALLOC_ARENA_MAX=1
    set -- --max-semi-space-size=4 "$main" "$@"
    ;;
  *)
    set -- "$main" "$@"
    ;;
esac
exec /usr/lib/milepost/node/bin/node "$@"
