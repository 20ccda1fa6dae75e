#!/bin/sh
# Makes or updates the Python environment in the folder $1 from the pinned packages in the file $2, with uv $3.
set -eu
folder=$1 requirements=$2 uv_version=$3

say() { echo "ocean: $*" >&2; }

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_recent "$name"; then
            command -v "$name"
            return
        fi
    done
    say "Python 3.11 or newer is needed and was not found: install it, or name it with PYTHON=/path/to/python3."
    return 1
}

make_environment() {
    python=$(find_python)
    if ! "$python" -c 'import ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing python3-venv with apt-get"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-venv >/dev/null
    fi
    if ! "$python" -m venv --clear "$folder"; then
        say "$python cannot make virtual environments: on Debian or Ubuntu, 'apt install python3-venv' adds it."
        return 1
    fi
}

is_recent "$folder/bin/python" || make_environment
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
"$folder/bin/uv" pip sync --quiet --python "$folder/bin/python" --compile-bytecode "$requirements"
