#!/usr/bin/env bash
# The sweep behind the values of config/simulate.toml: each strategy with one of its values changed,
# 20 seeds, 1,000 evaluations each, on the embedded table, beside random search and the values of the
# paper. Prints the mean regret of all of them; half a minute on two cores once it is built.
#
#   tests/trust/sweep.sh [FOLDER]      target/trust/sweep by default
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly folder=${1:-target/trust/sweep} table=embedded:micro-1
cargo build --locked --release
groups=()

# simulate NAME STRATEGY [KEY=VALUE…]
simulate() {
  local name=$1 strategy=$2 sets=()
  shift 2
  for set in "$@"; do sets+=(--set "$set"); done
  target/release/enasd simulate --config config/simulate.toml --table "$table" --seeds 20 \
    --evaluations 1000 --strategies "$strategy" --folder "$folder/$name" "${sets[@]}" >&2
  groups+=("$name=$folder/$name/$strategy")
}

simulate random random
simulate reinforce reinforce
simulate "reinforce, as the paper" reinforce policy.hidden=64 policy.standardize=false \
  policy.learning_rate=0.0035 policy.entropy_weight=0.0001 \
  policy.tanh_constant=1.1 policy.op_tanh_reduction=2.5
for set in policy.standardize=false policy.learning_rate={0.001,0.0035,0.03} \
  policy.entropy_weight={0.0001,0.03,0.3} policy.tanh_constant={1.1,5.0} \
  policy.op_tanh_reduction=1.0 policy.hidden={16,64} policy.baseline_decay={0.5,0.99} \
  schedule.rollouts_per_step={1,5,10}; do
  tried=${set#*.}
  simulate "reinforce, ${tried/=/ }" reinforce "$set"
done
simulate ppo ppo
simulate evolution evolution
for set in policy.population={20,100} policy.tournament={2,5,25}; do
  tried=${set#*.}
  simulate "evolution, ${tried/=/ }" evolution "$set"
done
target/release/enasctl regret --table "$table" "${groups[@]}"
