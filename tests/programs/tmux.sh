#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: tmux:tmux
# Serves: tmux
# Runs: a server with 9 windows and 25 panes, 10000 lines of history
set -eu
export TMUX_TMPDIR="$PWD" TERM=xterm
unset TMUX
mux()
{
    tmux -L work -f /dev/null "$@"
}
trap 'mux kill-server 2>/dev/null || :' EXIT
trap 'exit 143' HUP INT TERM

mux new-session -d -s main -x 100 -y 30 "seq 1 5000; tmux -L work wait-for -S ready; exec cat"
mux set -g history-limit 10000
mux wait-for ready
for i in 1 2 3 4 5 6 7 8; do
    mux new-window -d -t "main:$i" "seq $i 100; tmux -L work wait-for -S ready$i; exec cat"
    mux wait-for "ready$i"
    mux split-window -d -t "main:$i" -h cat
    mux split-window -d -t "main:$i" -v cat
    mux select-layout -t "main:$i" tiled
done
mux capture-pane -p -J -S - -t main:0 | grep . | sha256sum
for i in 1 5; do
    mux capture-pane -p -t "main:$i.0" | tail -n 3
done
mux list-windows -t main -F '#{window_index} #{window_panes} #{pane_width}x#{pane_height}'
for i in $(seq 200); do
    mux set-buffer -b "buffer$i" "text $i"
done
mux list-buffers -F '#{buffer_name} #{buffer_size}' | sort | sha256sum
mux show-options -g | sha256sum
mux resize-window -t main:1 -x 60 -y 20
mux list-panes -t main:1 -F '#{pane_width}x#{pane_height}'
mux kill-window -t main:3
mux display-message -p -t main '#{session_windows}'
mux kill-server
