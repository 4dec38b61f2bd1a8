#!/usr/bin/env bash
# The parts of CUDA 13.0 that compile kernels, 104 MB from the Python registry, with no GPU, driver or
# root: tests/cuda/toolkit.sh DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) out=$1
cmp -s "$here/requirements.txt" "$out/requirements.txt" && exit
rm -rf "$out" && mkdir -p "$out/wheels"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
  --requirement "$here/requirements.txt" --dest "$out/wheels"
for wheel in "$out"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$out"; done
rm -r "$out/wheels"
chmod +x "$out"/nvidia/cu13/bin/* "$out"/nvidia/cu13/nvvm/bin/*
cp "$here/requirements.txt" "$out"
