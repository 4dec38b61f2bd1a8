#!/usr/bin/env bash
# Builds the mock driver: tests/cuda/mock.sh DIR [FLAG ...], for LD_LIBRARY_PATH=DIR.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) out=$1; shift
mkdir -p "$out"
kernels=$here/../../src/engine/cuda_exec/kernels
g++ -std=c++17 -O2 -w -fPIC -shared -include "$here/shim.h" -I"$here" -I"$kernels" "$@" \
  -x c++ "$here/mock.cpp" "$kernels/kernels.cu" -o "$out/libcuda.so.1" -Wl,-soname,libmockcuda.so -ldl
