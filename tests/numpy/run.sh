#!/bin/sh
# run.sh PROGRAM: compares ops with Debian's NumPy and SciPy, which are for the system's Python and no other.
set -eu
python=/usr/bin/python3
if [ ! -x "$python" ] || ! "$python" -c 'import numpy, scipy' 2>/dev/null; then
  echo "skipped: there are no python3-numpy and python3-scipy for $python"
  exit 77
fi
"$1" | exec "$python" -B "$(dirname -- "$0")/compare.py"
