#!/bin/sh
# arrays.sh PROGRAM: arrays of Debian's NumPy through weft and back.
set -eu
python=/usr/bin/python3
if [ ! -x "$python" ] || ! "$python" -c 'import numpy' 2>/dev/null; then
  echo "skipped: there is no python3-numpy for $python"
  exit 77
fi
exec "$python" -B "$(dirname -- "$0")/arrays.py" "$1"
