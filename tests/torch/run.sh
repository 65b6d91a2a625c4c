#!/bin/sh
# run.sh PROGRAM: compares weft with Debian's PyTorch, which is for the system's Python and no other.
set -eu
python=/usr/bin/python3
if [ ! -x "$python" ]; then
  echo "skipped: there is no $python; ./dev deps --peers installs it, and PyTorch for it"
  exit 77
fi
folder=$(dirname -- "$0")
exec "$python" -B "$folder/compare.py" "$1" "$folder/combinations.json"
