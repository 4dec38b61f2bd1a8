#!/usr/bin/env bash
# The study whose results are kept in tests/trust/results: which score agrees with retraining on the
# task of CONFIG. Goes on where it was stopped.
#
#   tests/trust/study.sh [CONFIG] [FOLDER] [LEVERS]
#
# config/demo.toml, a folder below target/trust, and all levers by default: an hour or more on two
# cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly config=${1:-config/demo.toml}
readonly name=$(basename "$config" .toml)
cargo build --locked --release
target/release/enasd study --config "$config" --archs 40 --seeds 4 --levers "${3:-all}" \
  --folder "${2:-target/trust/$name}"
