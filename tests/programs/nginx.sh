#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: nginx:nginx-light curl:curl
# Serves: nginx curl
# Runs: two workers serve 50 files to parallel clients, a reload
set -eu
. "${0%/*}/servers.sh"
mkdir logs www temp
chmod 755 .
for i in $(seq 50); do
    seq "$i" $((i * 200)) >"www/file$i.txt"
done

launch()
{
    cat >nginx.conf <<CONF
$([ "$(id -u)" != 0 ] || echo 'user root;')
worker_processes 2;
daemon off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    access_log logs/access.log;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    types { text/plain txt; }
    default_type text/plain;
    upstream self { server 127.0.0.1:$port; keepalive 8; }
    map \$arg_n \$kind { default other; ~^[0-9]+\$ number; }
    server {
        listen 127.0.0.1:$port;
        root $PWD/www;
        gzip on;
        gzip_types text/plain;
        location / { }
        location /list/ { alias $PWD/www/; autoindex on; autoindex_format json; }
        location /proxy/ { proxy_pass http://self/; proxy_buffers 8 16k; }
        location /echo { return 200 "\$request_method \$kind \$args\n"; }
        location /rewrite/ { rewrite ^/rewrite/(\d+)\$ /file\$1.txt last; }
    }
}
CONF
    exec nginx -p "$PWD" -c nginx.conf
}
probe()
{
    [ "$(cat nginx.pid)" = "$server" ] && curl -sf "http://127.0.0.1:$port/echo"
}
start_server launch probe
url=http://127.0.0.1:$port
curl -sS "$url/file[1-50].txt" | sha256sum
curl -sS --compressed "$url/file[1-50].txt" | sha256sum
curl -sS "$url/proxy/file[1-50].txt" | sha256sum
curl -sS -Z --parallel-max 10 -o '#1.out' "$url/proxy/file[1-50].txt"
cat ./*.out | sha256sum
curl -sS "$url/echo?n=[1-300]" | sha256sum
curl -sS "$url/echo?n=x" -X POST -d body
curl -sS "$url/rewrite/7" | tail -n 1
curl -sS -r 100-150 "$url/file9.txt"
curl -sS "$url/list/" | grep -c '"name"'
curl -sS -o missing.html -w '%{http_code}\n' "$url/missing"
cp nginx.pid before
kill -HUP "$server"
sleep 0.3
curl -sS --retry 3 "$url/file50.txt" | sha256sum
cmp before nginx.pid
kill -QUIT "$server"
wait_server
echo "ended well"
