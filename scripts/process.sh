#!/bin/sh
# Becomes the process that the Procfile names $1: the one place that says how each is started.
set -eu
cd "$(dirname "$0")/.."
line=$(sed -n "s/^$1: //p" Procfile)
if [ -z "$line" ]; then
    echo "ocean: the Procfile has no process '$1'; it has: $(sed -n 's/:.*//p' Procfile | tr '\n' ' ')" >&2
    exit 64
fi
exec sh -c "exec $line"
