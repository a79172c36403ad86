#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: chromium:chromium
# Loads: chromium*
# Runs: headless, a page with a script that builds 50000 objects
# Chromium brings its own malloc and must not meet blocks of the preloaded one.
set -eu
cat >page.html <<'HTML'
<!DOCTYPE html>
<html><head><title>page</title></head><body><ul id="list"></ul><p id="text">before</p>
<script>
const rows = [];
for (let i = 0; i < 50000; i++) rows.push({ id: i, name: `row ${i * 31 % 997}` });
const text = JSON.stringify(rows);
let sum = 0;
for (let i = 0; i < text.length; i++) sum = (sum * 31 + text.charCodeAt(i)) % 1000000007;
for (let i = 0; i < 200; i++) {
    const item = document.createElement('li');
    item.textContent = rows[i * 100].name;
    document.getElementById('list').appendChild(item);
}
const canvas = document.createElement('canvas');
canvas.getContext('2d').fillRect(0, 0, 100, 100);
document.getElementById('text').textContent = `${text.length} ${sum}`;
</script></body></html>
HTML
chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --user-data-dir="$PWD/profile" --dump-dom "file://$PWD/page.html"
