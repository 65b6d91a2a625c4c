#!/bin/sh
# opencv.sh PROGRAM: OpenCV's dnn on networks that weft saved, where Debian's python3-opencv is installed.
set -eu
python=/usr/bin/python3
if [ ! -x "$python" ] || ! "$python" -c 'import cv2' 2>/dev/null; then
  echo "skipped: there is no python3-opencv for $python; ./dev deps --onnx installs it"
  exit 77
fi
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT
"$1" "$cases" --predictions
"$python" -B "$(dirname -- "$0")/opencv.py" "$cases"
