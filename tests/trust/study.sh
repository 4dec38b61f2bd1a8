#!/usr/bin/env bash
# The study whose results are kept in tests/trust/results: 40 architectures, 4 nets each, and ω as
# eight levers train it. About an hour on two cores; goes on where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --locked --release
target/release/enasd study --config tests/trust/micro.toml --archs 40 --seeds 4 \
  --levers paper,rate,uniform-rate,+fair,+operation,+fair-operation,+long,+few-shot \
  --folder "${1:-target/trust/micro}"
