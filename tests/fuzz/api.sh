#!/usr/bin/env bash
# Fuzzes the API of a running search through its socket with schemathesis, from the OpenAPI
# document that it serves: no 5xx, no answer that the document does not list, none of another
# form. `stop` is left out, for it would end the run: it is sent at the end, and must be obeyed.
#
#   tests/fuzz/api.sh [SECONDS [CONFIG]]        60 and config/tiny.toml by default
#
# Needs Python 3 with venv, socat, curl, and the debug build. FUZZ_PLANT=1 spoils the document, and
# the run must fail.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly seconds=${1:-60} config=${2:-config/tiny.toml} version=4.32.5
readonly venv=$PWD/target/tools/schemathesis-$version
scratch=$(mktemp -d)
daemon= bridge=

cleanup() {
  for process in $daemon $bridge; do kill -KILL "$process" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap cleanup EXIT

if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv.new"
  "$venv.new/bin/pip" install -q "schemathesis==$version"
  rm -rf "$venv" && mv "$venv.new" "$venv"
fi

ask() { curl --silent --show-error --max-time 60 --unix-socket "$scratch/s" "$@"; }

# A search of a second a cycle: commands wait for a step.
export ENASD_ENGINE__THREADS=1 ENASD_SCHEDULE__SHARED_STEPS=2 ENASD_SCHEDULE__CONTROLLER_STEPS=2
export ENASD_DERIVE__SAMPLES=2 ENASD_DERIVE__RERANK=1 ENASD_FINAL__CANDIDATES=0
target/debug/enasd run --config "$config" --state "$scratch/state" --socket "$scratch/s" \
  >/dev/null 2>"$scratch/log" &
daemon=$!
for _ in $(seq 600); do [ -S "$scratch/s" ] && break; sleep 0.1; done
FUZZ_ARCH=$(ask --data '{"count":1,"seed":1}' http://enasd/v1/sample |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["archs"][0]["id"])')
export FUZZ_ARCH
cp tests/fuzz/schemathesis.toml "$scratch"
echo "\"$FUZZ_ARCH\"" >"$scratch/archs.dict"

while port=$((20000 + RANDOM % 10000)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,backlog=64" "UNIX-CONNECT:$scratch/s" &
bridge=$!
disown

status=0
(cd "$scratch" && PYTHONPATH=$OLDPWD/tests/fuzz SCHEMATHESIS_HOOKS=hooks \
  timeout --kill-after 10 $((seconds + 240)) "$venv/bin/python" -m schemathesis.cli run \
  "http://127.0.0.1:$port/v1/openapi.json" --exclude-path /v1/stop --max-time "$seconds" \
  --request-timeout 120 --no-color --continue-on-failure) || status=$?

kill -0 "$daemon" || { echo "the daemon has ended" >&2; tail -n 20 "$scratch/log" >&2; exit 1; }
if grep -E '"level":"ERROR"' "$scratch/log" >&2; then
  echo "the daemon logged errors" >&2
  status=1
fi
ask --fail --request POST http://enasd/v1/stop
echo
ended=0
wait "$daemon" || ended=$?
daemon=
if [ "$ended" != 0 ]; then
  echo "after /v1/stop the daemon ended with $ended" >&2
  status=1
fi
exit "$status"
