#!/usr/bin/env bash
# `enasctl top` in a real terminal: tmux, with a real daemon behind it. Run by `.ci/run top`, after
# a build: tests/top/tmux.sh [FOLDER OF enasd AND enasctl]
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly bin=$(realpath "${1:-target/debug}")
command -v tmux >/dev/null || { echo "tmux is missing: run \`.ci/run tools\`" >&2; exit 1; }
export LC_ALL=C.UTF-8
unset NO_COLOR ENASD_API__SOCKET
scratch=$(mktemp -d)
daemon=

tm() { tmux -u -L "enasd-top-$$" -f /dev/null "$@"; }

cleanup() {
  tm kill-server 2>/dev/null || true
  if [ -n "$daemon" ]; then kill -KILL "$daemon" 2>/dev/null || true; fi
  rm -rf "$scratch"
}
trap cleanup EXIT

# Starts the daemon, which retrains so many architectures of each arm a cycle.
start_daemon() {
  "$bin/enasd" run --config config/tiny.toml --state "$scratch/state" --socket "$scratch/s" \
    --set "final.candidates=$1" 2>>"$scratch/log" &
  daemon=$!
}

shown() { tm capture-pane -p; }

fail() {
  echo "FAILED: $1" >&2
  shown >&2 || true
  tail -n 5 "$scratch/log" >&2 || true
  exit 1
}

# Waits until the pane shows the regular expression.
wait_for() {
  for _ in $(seq 600); do
    if shown | grep -E "$1" >/dev/null; then
      echo "ok: $1"
      return
    fi
    sleep 0.1
  done
  fail "the screen never shows: $1"
}

type_line() { tm send-keys -l "$1" && tm send-keys Enter; }

# The number of the step; nothing while the screen is drawn anew.
step() { { shown | grep -Eo 'search step [0-9,]+ *$' || true; } | head -n 1 | tr -dc 0-9; }

# Whether anything on the screen has another colour than the terminal's own.
colored() { tm capture-pane -pe | grep -E $'\e\\[([34][0-8]|9[0-7])' >/dev/null; }

# Waits until the number of the step has grown.
wait_for_steps() {
  local first now
  wait_for 'the search goes on, at search step [0-9]'
  first=$(step)
  for _ in $(seq 600); do
    now=$(step)
    if [ -n "$now" ] && [ "$now" -gt "${first:-0}" ]; then
      echo "ok: from step $first to step $now"
      return
    fi
    sleep 0.1
  done
  fail "the number of the step stays at $first"
}

# Requires that the terminal is as it was before `top` was started.
restored() {
  wait_for "$1"
  tm send-keys -l 'clear; stty -g >'"$scratch"'/after; echo NOTED'
  tm send-keys Enter
  wait_for '^NOTED'
  cmp "$scratch/before" "$scratch/after" || fail "the modes of the terminal are others than before"
  [ "$(tm display -p '#{cursor_flag} #{alternate_on}')" = "1 0" ] ||
    fail "the cursor or the first screen is not back"
  echo "ok: the terminal is restored"
}

start_daemon 0
tm new-session -d -x 80 -y 24 "env PS1='\$ ' sh"
type_line "stty -g >$scratch/before; clear; echo READY"
wait_for '^READY'
readonly top="$bin/enasctl --socket $scratch/s top"

# It shows the phase and goes on.
type_line "clear; $top; echo LEFT=\$?"
wait_for '(shared|controller) phase +.* step [0-9]+/[0-9]+, [0-9.]+ steps/s'
wait_for_steps
wait_for '^ Shared weights: (not measured yet|does not score higher yet|scores (higher|lower))'
wait_for 'random arm'
wait_for '^normal cell +reduction cell'
colored || fail "there are no colours"

# Every size gets what fits.
tm resize-window -x 120 -y 40
wait_for '^ What happened'
tm resize-window -x 60 -y 20
wait_for 'This terminal has 60 columns and 20 rows'
tm resize-window -x 80 -y 24
wait_for_steps

# Commands are asked for first, and answered.
tm send-keys p
wait_for 'Pause the search after the step under way\?'
tm send-keys n
wait_for 'pause: not done'
tm send-keys p
wait_for 'Pause the search'
tm send-keys y
wait_for 'paused by a command'
tm send-keys p
wait_for 'the search is paused already'
tm send-keys r
wait_for 'Go on with the search\?'
tm send-keys y
wait_for_steps
tm send-keys c
wait_for 'Write a checkpoint now\?'
tm send-keys y
wait_for 'a checkpoint is written; it resumes at search step [0-9]+'
tm send-keys '?'
wait_for 'any key closes it'
tm send-keys x

# A daemon that is gone is told, and the next one is followed while it retrains.
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
wait_for ' no daemon *$'
wait_for 'no daemon answers at .*refused'
start_daemon 1
wait_for '^retrain +.* [0-9]+ of 4 epochs'
wait_for '^m2-[0-9a-z]+ #[12] +.* epoch [01]/1, '
wait_for '^champion  [0-9.]+ % valid, [0-9.]+ % test, (policy|random), cycle [0-9]+  m2-'
wait_for '^ The choice: (not measured|not told apart|better|worse)'
wait_for_steps

# Whatever ends it gives the terminal back.
tm send-keys q
restored 'LEFT=0'
type_line "clear; $top; echo LEFT=\$?"
wait_for_steps
kill -TERM "$(pgrep -P "$(tm display -p "#{pane_pid}")" enasctl)"
restored 'LEFT=0'
type_line "clear; NO_COLOR=1 $top; echo LEFT=\$?"
wait_for_steps
if colored; then fail "NO_COLOR is set and there are colours"; fi
tm send-keys C-c
restored 'LEFT=0'

# Without a terminal it says what to use.
if $top </dev/null >"$scratch/out" 2>"$scratch/err"; then fail "it runs without a terminal"; fi
grep -q 'enasctl watch' "$scratch/err" || fail "it does not say what to use: $(cat "$scratch/err")"
[ ! -s "$scratch/out" ] || fail "it writes to what is no terminal"
echo "ok: all"
