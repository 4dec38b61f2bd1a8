#!/usr/bin/env bash
# What the whole path is worth, and what the controller is: a search with each of five seeds, and
# what it chose confirmed on the locked test split by nets with fresh seeds. The searches' seeds are
# none of the study's. Goes on where it was stopped.
#
#   tests/trust/proof.sh [CONFIG] [FOLDER]      config/demo.toml, target/trust/proof
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly config=${1:-config/demo.toml} folder=${2:-target/trust/proof}
readonly seeds=(101 102 103 104 105) nets=6
cargo build --locked --release
mkdir -p "$folder"
for seed in "${seeds[@]}"; do
  [ -e "$folder/$seed.done" ] && continue
  target/release/enasd run --config "$config" --seed "$seed" --until cycles=1 --metrics off \
    --state "$folder/$seed" --socket "$folder/socket" 2>>"$folder/$seed.log"
  touch "$folder/$seed.done"
done
# Uniform draws and the published architecture are no search's.
target/release/enasd run --config "$config" --seed 100 --metrics off \
  --state "$folder/random" --socket "$folder/socket" 2>>"$folder/random.log" &
readonly daemon=$!
trap 'kill "$daemon"' EXIT
until [ -S "$folder/socket" ]; do sleep 0.1; done
target/release/enasctl --socket "$folder/socket" sample 12 --random --seed 100 --output json \
  >"$folder/random.json"
kill "$daemon"
wait "$daemon" || true
trap - EXIT
python3 tests/trust/claims.py "$folder" "${seeds[@]}" >"$folder/claims.txt"
target/release/enasd confirm "$folder/claims.txt" --config "$config" --seeds "$nets" \
  --folder "$folder" 
