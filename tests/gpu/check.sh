#!/usr/bin/env bash
# What only a machine with a GPU shows, in under six minutes: tests/gpu/check.sh FOLDER OUT
#
# FOLDER has `enasd`, built elsewhere, and where there is room `unit-tests`, the program of its unit tests.
# OUT, a new folder, gets logs and the table that is printed. Each part has a limit of its own, so that
# one that hangs takes not all others' time, and no part goes on after six minutes. Nothing but Python is
# wanted; with PyTorch the same children are timed there, with compute-sanitizer memory is checked, and
# what could not be done is said. It exits with 1 if anything is wrong. SMALL=1 takes nets with which a
# driver that runs kernels on the CPU tries the script itself.
set -uo pipefail
cd "$(dirname "$0")/../.."

folder=$(realpath "$1") out=$(realpath -m "$2")
enasd=$folder/enasd
# What is there would be taken for what is found now.
mkdir "$out" || exit 2
config=config/tiny.toml sizes=() channels=(20 36) batches=(8 160) steps=30
if [ -n "${SMALL:-}" ]; then
  config=tests/cuda/small.toml sizes=(--layers 1 --side 8) channels=(4) batches=(4) steps=2
fi
readonly seconds=350
# The first start compiles the kernels for the device, and is timed too.
export CUDA_CACHE_PATH=$out/cache ENASD_TELEMETRY__METRICS=off
: > "$out/table.txt"
wrong=0

# A line of the table: ok, WRONG or `-` where it could not be tried, the part, and what was seen.
told() {
  [ "$1" != WRONG ] || wrong=1
  printf '%-5s  %-34s %s\n' "$1" "$2" "$3" | tee -a "$out/table.txt"
}

# `ok` or WRONG, by the status of the command before.
verdict() { if [ $? = 0 ]; then echo ok; else echo WRONG; fi; }

# Runs a command of a part for so many seconds at most; what it says is in OUT.
part() { # NAME LIMIT COMMAND...
  local log=$out/${1//[ ,:]/-}.log limit=$2 left=$((seconds - SECONDS))
  if [ $left -lt "$limit" ]; then limit=$left; fi
  if [ "$limit" -lt 1 ]; then
    echo "no time is left" > "$log"
    return 124
  fi
  timeout -k 5 "$limit" "${@:3}" > "$log" 2>&1
  local status=$?
  [ $status != 0 ] || return 0
  [ $status = 124 ] && echo "no end in $limit s" >> "$log"
  tail -n 3 "$log" >&2
  return $status
}

# Sets `search` to the command of a search.
searching() { # STATE
  search=("$enasd" run --config $config --state "$out/$1" --socket "$out/$1.sock" --until cycles=1
    --set engine.device=cuda:0 --set store.checkpoint_seconds=0.2 --set final.candidates=0)
}

digest() { # STATE
  python3 - "$out/$1" <<'P'
import hashlib, pathlib, sqlite3, sys
state = pathlib.Path(sys.argv[1])
rows = sqlite3.connect(state / "history.sqlite").execute(
    "SELECT step, idx, arm, arch, reward FROM history ORDER BY 1, 3, 2").fetchall()
newest = max((state / "checkpoints").glob("[0-9]*"))
weights = hashlib.sha256()
for path in sorted(newest.glob("*.safetensors")):
    weights.update(path.read_bytes())
print(len(rows), "rows", hashlib.sha256(repr(rows).encode()).hexdigest()[:12], weights.hexdigest()[:12])
P
}

device() {
  if part device 20 nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader; then
    told ok device "$(tail -n 1 "$out/device.log")"
  else
    told - device "nvidia-smi does not answer"
  fi
}

# Every layer against candle in f64, within the bounds of the CPU's executor.
agreement() {
  if [ ! -x "$folder/unit-tests" ]; then
    told - "layers agree" "no unit-tests in $folder"
  elif ENASD_CUDA_TESTS=1 part agreement 90 "$folder/unit-tests" cuda_exec --test-threads 2; then
    told ok "layers agree" "$(grep -o '[0-9]* passed' "$out/agreement.log")"
  else
    told WRONG "layers agree" "$(tail -n 1 "$out/agreement.log")"
  fi
}

# A cycle twice, and once killed on the way.
cycles() {
  local state killed=0 started=$SECONDS
  searching a
  part "cycle a" 60 "${search[@]}"
  told "$(verdict)" "a cycle ends" "$((SECONDS - started)) s with the first start"
  started=$SECONDS
  searching b
  part "cycle b" 60 "${search[@]}"
  told "$(verdict)" "again" "$((SECONDS - started)) s"
  searching c
  for _ in 1 2 3; do
    "${search[@]}" > "$out/cycle-c.log" 2>&1 &
    local pid=$!
    # Until it has written a checkpoint of its own.
    local before now
    before=$(ls "$out/c/checkpoints" 2> /dev/null)
    for _ in $(seq 400); do
      now=$(ls "$out/c/checkpoints" 2> /dev/null)
      if [ "$now" != "$before" ] || ! kill -0 $pid 2> /dev/null; then break; fi
      sleep 0.05
    done
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    # By the signal, and not at its end before that.
    if [ $? = 137 ]; then killed=$((killed + 1)); fi
  done
  part "cycle c" 60 "${search[@]}"
  local found
  found=$(for state in a b c; do digest $state; done)
  echo "$found" > "$out/digests.txt"
  if [ $killed != 0 ] && [ "$(wc -l <<< "$found")" = 3 ] && [ "$(sort -u <<< "$found" | wc -l)" = 1 ]; then
    told ok "equal, with $killed kills" "$(head -n 1 <<< "$found")"
  else
    told WRONG "equal, with $killed kills" "$(tr '\n' ';' <<< "$found")"
  fi
}

# Gradients of one whole net beside those of candle on the CPU; jumps of ReLU and pools allow for 5 %.
gradients() {
  local bench=("$enasd" bench "${sizes[@]}" --channels "${channels[0]}" --batch "${batches[0]}" --steps 1 --output json)
  part "gradients here" 60 "${bench[@]}" --device cuda:0 --save-grads "$out/gpu.grads" &&
    part "gradients of the CPU" 90 "${bench[@]}" --executor candle --save-grads "$out/cpu.grads" &&
    part gradients 60 python3 - "$out" <<'P'
import json, math, pathlib, struct, sys

def read(path):
    data = path.read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    table = json.loads(data[8:end])
    table.pop("__metadata__", None)
    found = {}
    for name, entry in table.items():
        a, b = entry["data_offsets"]
        letter = {"F32": "f", "F64": "d"}[entry["dtype"]]
        found[name] = struct.unpack(f"<{(b - a) // struct.calcsize(letter)}{letter}", data[end + a:end + b])
    return found

found, right = (read(pathlib.Path(sys.argv[1]) / name) for name in ("gpu.grads", "cpu.grads"))
assert found.keys() == right.keys(), found.keys() ^ right.keys()
off = abs(found.pop("loss")[0] / right.pop("loss")[0] - 1)
norm = lambda values: math.sqrt(sum(value * value for value in values))
apart = norm(a - b for name in right for a, b in zip(found[name], right[name]))
share = apart / norm(value for values in right.values() for value in values)
print(f"loss off by {off:.1e}, all gradients by {share:.1e}")
sys.exit(not (off <= 1e-5 and share <= 0.05))
P
  told "$(verdict)" "gradients are those of candle" "$(tail -n 1 "$out/gradients.log")"
}

timing() { # NAME
  local log=$out/${1//[ ,:]/-}.log
  python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
print("step {:.2f} ms, score {:.2f} ms; first step {:.0f} ms".format(
    report["step"]["median_ms"], report["forward"]["median_ms"], report["first_step_ms"]))' "$log" 2> /dev/null ||
    tail -n 1 "$log"
}

bench() {
  local of batch name
  for of in "${channels[@]}"; do
    for batch in "${batches[@]}"; do
      name="bench, C = $of, batch $batch"
      part "$name" 40 "$enasd" bench --device cuda:0 "${sizes[@]}" --channels "$of" --batch "$batch" \
        --steps $steps --output json
      told "$(verdict)" "$name" "$(timing "$name")"
    done
  done
}

pytorch() {
  if ! python3 -c 'import safetensors, torch; assert torch.cuda.is_available()' 2> "$out/pytorch.log"; then
    told - "PyTorch on the device" "$(tail -n 1 "$out/pytorch.log")"
    return
  fi
  local of way arch name batch=${batches[-1]}
  for of in "${channels[@]}"; do
    part "weights $of" 40 "$enasd" bench --device cuda:0 --channels "$of" --batch "$batch" --steps 1 \
      --output json --save-weights "$out/w" --save-batch "$out/batch"
    arch=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["arch"])' "$out/weights-$of.log")
    for way in "" "--layout channels_last --tf32" "--layout channels_last --tf32 --compile"; do
      name="PyTorch, C = $of, batch $batch ${way//--/}"
      # shellcheck disable=SC2086
      part "$name" 60 python3 tests/bench/torch_child.py --device cuda:0 --arch "$arch" --net shared \
        --weights "$out/w" --batch "$out/batch" --steps $steps $way
      # It is what ours is held against, and not what is checked.
      told "$([ "$(verdict)" = ok ] && echo ok || echo -)" "$name" "$(timing "$name")"
    done
  done
}

sanitizer() {
  if ! command -v compute-sanitizer > /dev/null; then
    told - "memory is checked" "there is no compute-sanitizer"
    return
  fi
  part memcheck 60 compute-sanitizer --tool memcheck --error-exitcode 9 "$enasd" bench --device cuda:0 \
    --layers 1 --channels 4 --batch 4 --side 8 --steps 1
  told "$(verdict)" "memory is checked" "$(tail -n 1 "$out/memcheck.log")"
}

# By worth: what comes last is what the limit on time takes.
for of in device agreement cycles gradients bench pytorch sanitizer; do $of; done
echo "$SECONDS s; all that was said is in $out"
exit $wrong
