#!/bin/sh
# The system programs that browser tests, screenshots and translators need; `make run` needs none of them.
# As root on Debian or Ubuntu the missing ones are installed; elsewhere one line names them.
set -eu

missing=""
for pair in chromium:chromium xgettext:gettext prometheus:prometheus; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if ! command -v fc-list >/dev/null || [ -z "$(fc-list :lang=zh)" ]; then
    missing="$missing fontconfig fonts-wqy-zenhei" # without a Chinese font, screenshots show boxes
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "ocean: installing$missing with apt-get" >&2
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "ocean: some tests need programs that are missing here:$missing (Debian's package names)" >&2
fi
