#!/bin/sh
# onnxruntime.sh PROGRAM WEFT: compares weft with ONNX Runtime, which `./dev deps --onnx` installs for Node.js.
set -eu
modules=${WEFT_NODE_MODULES:-$HOME/.cache/weft/node/node_modules}
if ! command -v node >/dev/null 2>&1 || [ ! -d "$modules/onnxruntime-node" ]; then
  echo "skipped: there is no onnxruntime-node in $modules; ./dev deps --onnx installs it"
  exit 77
fi
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT
"$1" "$cases"
NODE_PATH=$modules node "$(dirname -- "$0")/onnxruntime.js" "$cases" "$2"
