#!/usr/bin/env bash
# Compiles the kernels, and looks at what devices make of them: no spills, at most 128 registers.
#
#   tests/cuda/ptx.sh TOOLKIT          they are those in the source
#   tests/cuda/ptx.sh TOOLKIT --write  they are written there
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:$1/nvidia/cu13/bin
readonly kernels=src/engine/cuda_exec/kernels
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd $kernels && nvcc -std=c++17 -arch=compute_80 --ptx -o "$scratch/newest.ptx" kernels.cu)
# As CUDA 11.8 knows it, so that drivers of 2022 (520) and later load it: nothing in it is newer but a
# hint, and ptxas below would refuse what is. Names of what is static have a hash of the file's path.
sed -E -e 's/^\.version 9\.0$/.version 7.8/' -e '/used_bytes_mask/d' \
  -e 's/_[0-9a-f]{8}_10_kernels_cu_[0-9a-f]{8}/_00000000_10_kernels_cu_00000000/g' \
  "$scratch/newest.ptx" >"$scratch/made.ptx"
if [ "${2:-}" = --write ]; then
  gzip -9 -n -c "$scratch/made.ptx" >$kernels/kernels.ptx.gz
elif ! cmp <(gzip -dc $kernels/kernels.ptx.gz) "$scratch/made.ptx"; then
  echo "$kernels/kernels.ptx.gz is not of its sources: tests/cuda/ptx.sh TOOLKIT --write" >&2
  exit 1
fi
for device in 80 90 100 120; do
  ptxas -v -arch=sm_$device -o "$scratch/out" "$scratch/made.ptx" 2>"$scratch/said"
  python3 - $device "$scratch/said" <<'P'
import re, sys
device, path = sys.argv[1:]
said = open(path).read()
names = re.findall(r"Compiling entry function '(\w+)'", said)
registers = [int(n) for n in re.findall(r"Used (\d+) registers", said)]
spills = [int(n) for n in re.findall(r"(\d+) bytes spill stores", said)]
assert len(names) == len(registers) == len(spills) > 0, (len(names), len(registers), len(spills))
print(f"sm_{device}: {len(names)} kernels, {max(registers)} registers at most, {sum(spills)} bytes spilled")
bad = [row for row in zip(names, registers, spills) if 128 < row[1] or row[2]]
assert not bad, bad
P
done
