# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# For the workloads that talk to a server: free ports and a clean end.

server=

# Ends the server that still runs, so that an error in the workload leaves nothing behind.
end_server()
{
    [ -z "$server" ] || kill "$server" 2>/dev/null || :
}
trap end_server EXIT
trap 'exit 143' HUP INT TERM

# start_server LAUNCH PROBE: LAUNCH replaces its shell by a server on 127.0.0.1:$port, PROBE
# succeeds once that very server answers. A port that is taken ends the server: try another one.
# Sets port and server.
start_server()
{
    for _ in 1 2 3 4 5; do
        # shellcheck disable=SC2034 # for the launch and probe functions
        port=$(shuf -i 10000-30000 -n 1)
        ("$1") >>server.log 2>&1 &
        server=$!
        for _ in $(seq 200); do
            kill -0 "$server" 2>/dev/null || break
            if "$2" >probe.log 2>&1; then
                return 0
            fi
            sleep 0.05
        done
        kill "$server" 2>/dev/null || :
        wait "$server" || :
        server=
    done
    cat server.log probe.log >&2
    return 1
}

# wait_server: after the workload told the server to end. Shows its log, where the allocator's
# messages would be, and gives its exit status.
wait_server()
{
    status=0
    wait "$server" || status=$?
    server=
    cat server.log >&2
    return $status
}
