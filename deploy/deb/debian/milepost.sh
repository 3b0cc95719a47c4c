#!/bin/sh
# The `milepost` command, by the Node.js that came with the package.
exec /usr/lib/milepost/node/bin/node /usr/lib/milepost/dist/agent/cli/main.js "$@"
