#!/bin/sh
# Prints the name of a Python 3.11 or newer, or says in one sentence that there is none (exit 1).
# Versions for which every speech package has a ready-made wheel come first.
# Each candidate is run, because a name on the PATH may be an empty shim.
set -eu

fits() { # fits COMMAND MIN_MINOR MAX_MINOR
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c "import sys; sys.exit(not (3, $2) <= sys.version_info[:2] <= (3, $3))" >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    if fits "$PYTHON" 11 99; then
        printf '%s\n' "$PYTHON"
        exit 0
    fi
    echo "neko: PYTHON=$PYTHON is not a Python 3.11 or newer." >&2
    exit 1
fi

for name in python3 python3.13 python3.11 python3.12 python; do
    if fits "$name" 11 13; then
        printf '%s\n' "$name"
        exit 0
    fi
done
for name in python3 python3.14 python3.15 python; do
    if fits "$name" 11 99; then
        printf '%s\n' "$name"
        exit 0
    fi
done
echo "neko: Python 3.11 or newer is needed, and none was found; install it, or name it: make chat PYTHON=/path/to/python3." >&2
exit 1
