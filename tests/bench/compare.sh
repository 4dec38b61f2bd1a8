#!/usr/bin/env bash
# Compares enasd with PyTorch on the same children, weights and batches: first that loss and
# gradients agree (exit 1 where not), then step, forward pass and memory, interleaved, every
# measurement in a process of its own. Meant for a quiet machine.
#
#   ROUNDS=5 PYTHON=/tmp/venv/bin/python tests/bench/compare.sh
#
# With arguments only the configurations named run, such as published-c20-b64. ENASD is the
# program, EXECUTOR what it computes with, NET `shared` or `standalone`, OUT a folder for all
# reports. PYTHON needs torch, numpy and safetensors.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${ROUNDS:-3}
enasd=${ENASD:-target/release/enasd}
python=${PYTHON:-python3}
out=${OUT:-$(mktemp -d)}
executor=${EXECUTOR:-fast}
net=${NET:-shared}
readonly threads=2 steps=5
mkdir -p "$out"
if [ -n "$(find "$out" -name '*.json' -print -quit)" ]; then
  echo "compare.sh: $out holds reports already; set OUT to another folder" >&2
  exit 2
fi

# `NAME SPACE LAYERS ARCH SEED CHANNELS BATCH`
configurations=(
  "published-c20-b64 micro 6 published 0 20 64"
  "published-c20-b160 micro 6 published 0 20 160"
  "published-c36-b64 micro 6 published 0 36 64"
  "published-c36-b160 micro 6 published 0 36 160"
  "random1-c20-b64 micro 6 random 1 20 64"
  "random2-c20-b64 micro 6 random 2 20 64"
  "random3-c20-b64 micro 6 random 3 20 64"
  "random4-c20-b64 micro 6 random 4 20 64"
  "random5-c20-b64 micro 6 random 5 20 64"
  "whole-published whole_net 12 published 0 36 128"
  "whole-random1 whole_net 12 random 1 36 128"
  "whole-random2 whole_net 12 random 2 36 128"
  "whole-random3 whole_net 12 random 3 36 128"
  "whole-random4 whole_net 12 random 4 36 128"
  "whole-random5 whole_net 12 random 5 36 128"
)

if [ $# != 0 ]; then
  named=()
  for name in "$@"; do
    for configuration in "${configurations[@]}"; do
      [ "${configuration%% *}" != "$name" ] || named+=("$configuration")
    done
  done
  if [ ${#named[@]} != $# ]; then
    echo "compare.sh: there are: $(printf '%s\n' "${configurations[@]%% *}" | xargs)" >&2
    exit 2
  fi
  configurations=("${named[@]}")
fi

field() { "$python" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

bench() { "$enasd" bench --executor "$executor" --net "$net" --threads "$threads" --output json "$@"; }

torch_child() { # LAYOUT FOLDER
  "$python" tests/bench/torch_child.py --space "$space" --layers "$layers" \
    --arch "$(cat "$2/arch")" --net "$net" --layout "$1" --weights "$2/weights" \
    --batch "$2/batch" --steps "$steps" --threads "$threads"
}

for configuration in "${configurations[@]}"; do
  read -r name space layers arch seed channels batch <<< "$configuration"
  folder=$out/$name
  mkdir -p "$folder"
  bench --space "$space" --layers "$layers" --arch "$arch" --seed "$seed" --channels "$channels" \
    --batch "$batch" --steps 1 --save-weights "$folder/weights" --save-batch "$folder/batch" |
    field arch > "$folder/arch"
  "$python" tests/bench/agree.py --enasd "$enasd" --executor "$executor" --net "$net" \
    --space "$space" --layers "$layers" --arch "$(cat "$folder/arch")" --channels "$channels" \
    --batch "$batch" --threads "$threads"
done

for round in $(seq "$rounds"); do
  for configuration in "${configurations[@]}"; do
    read -r name space layers _ seed channels batch <<< "$configuration"
    folder=$out/$name
    bench --space "$space" --layers "$layers" --arch "$(cat "$folder/arch")" --seed "$seed" \
      --channels "$channels" --batch "$batch" --steps "$steps" > "$out/$name.$round.enasd.json"
    for layout in default channels_last; do
      torch_child "$layout" "$folder" > "$out/$name.$round.$layout.json"
    done
  done
done

"$python" tests/bench/ratios.py "$out" | tee "$out/table.txt"
