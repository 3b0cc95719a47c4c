#!/bin/sh
# The `milepost` command, by the Node.js that came with the package. An agent runs for months on a small
# machine: short-lived garbage is collected at 1 MiB, code is compiled for size, and all threads share one
# arena of malloc.
if [ "$1" = run ]; then
  export MALLOC_ARENA_MAX=1
  set -- --max-semi-space-size=1 --optimize-for-size --max-old-space-size=256 \
    /usr/lib/milepost/dist/agent/cli/main.js "$@"
else
  set -- /usr/lib/milepost/dist/agent/cli/main.js "$@"
fi
exec /usr/lib/milepost/node/bin/node "$@"
