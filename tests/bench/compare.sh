#!/usr/bin/env bash
# Compares enasd with PyTorch on the same children, weights and batches: first that loss and
# gradients agree (exit 1 where not), then step, forward pass and memory, interleaved, every
# measurement in a process of its own. Meant for a quiet machine.
#
#   ROUNDS=5 PYTHON=/tmp/venv/bin/python tests/bench/compare.sh
#
# With arguments only the configurations named run, such as published-c20-b64. ENASD is the
# program, EXECUTOR what it computes with, DEVICE where both compute, NET `shared` or `standalone`, OUT
# a folder for all reports. PYTHON needs torch, numpy and safetensors. On a GPU, where `cuda:0` is one
# for both, PyTorch is also measured in TF32, and compiled for each child; what that takes is in its
# first step.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${ROUNDS:-3}
enasd=${ENASD:-target/release/enasd}
python=${PYTHON:-python3}
out=${OUT:-$(mktemp -d)}
executor=${EXECUTOR:-auto}
device=${DEVICE:-cpu}
net=${NET:-shared}
readonly threads=2 steps=5
mkdir -p "$out"
if [ -n "$(find "$out" -name '*.json' -print -quit)" ]; then
  echo "compare.sh: $out holds reports already; set OUT to another folder" >&2
  exit 2
fi

# `NAME SPACE LAYERS ARCH SEED CHANNELS BATCH`; of nets of words the features stand for the channels,
# and layers they have none.
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
  "words-h200 recurrent 0 published 0 200 64"
  "words-h850 recurrent 0 published 0 850 64"
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

bench() { # of the configuration that was read
  local -a sizes=(--layers "$layers" --channels "$channels")
  [ "$space" != recurrent ] || sizes=(--hidden "$channels")
  "$enasd" bench --executor "$executor" --device "$device" --net "$net" --threads "$threads" --output json \
    --space "$space" --seed "$seed" --batch "$batch" "${sizes[@]}" "$@"
}

ways=(default channels_last)
[ "$device" = cpu ] || ways+=(tf32 compile)

torch_child() { # WAY FOLDER
  local -a program=(torch_child.py --space "$space" --layers "$layers" --device "$device")
  case $1 in
    channels_last) program+=(--layout channels_last) ;;
    tf32) program+=(--layout channels_last --tf32) ;;
    compile) program+=(--layout channels_last --tf32 --compile) ;;
  esac
  [ "$space" != recurrent ] || program=(torch_words.py)
  "$python" "tests/bench/${program[0]}" "${program[@]:1}" --arch "$(cat "$2/arch")" --net "$net" \
    --weights "$2/weights" --batch "$2/batch" --steps "$steps" --threads "$threads"
}

agree() { # FOLDER
  if [ "$space" = recurrent ]; then
    "$python" tests/bench/torch_words.py --arch "$(cat "$1/arch")" --net "$net" \
      --weights "$1/weights" --batch "$1/batch" --grads "$1/grads"
  else
    "$python" tests/bench/agree.py --enasd "$enasd" --executor "$executor" --device "$device" --net "$net" \
      --space "$space" --layers "$layers" --arch "$(cat "$1/arch")" --channels "$channels" \
      --batch "$batch" --threads "$threads"
  fi
}

for configuration in "${configurations[@]}"; do
  read -r name space layers arch seed channels batch <<< "$configuration"
  folder=$out/$name
  mkdir -p "$folder"
  bench --arch "$arch" --steps 1 --save-weights "$folder/weights" --save-batch "$folder/batch" \
    --save-grads "$folder/grads" | field arch > "$folder/arch"
  agree "$folder"
done

for round in $(seq "$rounds"); do
  for configuration in "${configurations[@]}"; do
    read -r name space layers _ seed channels batch <<< "$configuration"
    folder=$out/$name
    bench --arch "$(cat "$folder/arch")" --steps "$steps" > "$out/$name.$round.enasd.json"
    for way in "${ways[@]}"; do
      # A net of words has one layout.
      [ "$space $way" != "recurrent channels_last" ] || continue
      torch_child "$way" "$folder" > "$out/$name.$round.$way.json"
    done
  done
done

"$python" tests/bench/ratios.py "$out" | tee "$out/table.txt"
