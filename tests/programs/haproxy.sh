#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: haproxy:haproxy curl:curl
# Serves: haproxy curl
# Runs: two threads, compression and header rules under parallel requests
set -eu
. "${0%/*}/servers.sh"
launch()
{
    answer="%[method] %[path,url_dec] %[req.hdr(x-number),sha1,hex] $(seq -s, 1 1500)"
    cat >haproxy.cfg <<CONF
global
    maxconn 200
    nbthread 2
    stats socket $PWD/admin level admin
    # The answer below is longer than the default buffer's half.
    tune.bufsize 32768
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    compression algo gzip
    compression type text/plain
frontend outer
    bind 127.0.0.1:$port
    http-request set-header X-Number %[url_param(n)]
    http-request deny deny_status 403 if { path /secret }
    default_backend inner
backend inner
    balance roundrobin
    server one unix@$PWD/inner
    server two unix@$PWD/inner
frontend end
    bind unix@$PWD/inner
    http-request return status 200 content-type text/plain lf-string "$answer\n"
CONF
    exec haproxy -db -f haproxy.cfg
}
probe()
{
    [ -S admin ] && curl -sf "http://127.0.0.1:$port/" && kill -0 "$server"
}
start_server launch probe
url=http://127.0.0.1:$port
curl -sS "$url/page?n=[1-500]" | sha256sum
curl -sS --compressed "$url/page?n=[1-200]" | sha256sum
curl -sS -Z --parallel-max 20 -o '#1.out' "$url/page?n=[1-300]"
cat ./*.out | sha256sum
curl -sS "$url/%41%42?n=1" | head -c 60
echo
curl -sS -o denied -w '%{http_code}\n' "$url/secret"
curl -sS -X POST -d "$(seq 2000)" "$url/post" | sha256sum
kill -TERM "$server"
wait_server || echo "status $?"
echo "ended well"
