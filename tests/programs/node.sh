#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: node:nodejs
# Serves: node*
# Runs: worker threads, compression, buffers, child processes
set -eu
cat >work.js <<'JS'
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const zlib = require('zlib');
const fs = require('fs');
const { execFileSync } = require('child_process');

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex');

if (!isMainThread) {
    const table = new Map();
    for (let i = 0; i < 30000; i++) {
        table.set(`k${(i * 7919) % 5003}`, Buffer.alloc(i % 500, workerData));
    }
    let sum = 0;
    for (const [key, value] of table) sum += key.length * value.length;
    const data = new Uint8Array(100000).fill(workerData);
    parentPort.postMessage({ number: workerData, sum, data });
} else {
    main();
}

async function churn(number) {
    let text = '';
    for (let i = 0; i < 200; i++) {
        const packed = await new Promise((done, fail) =>
            zlib.gzip(Buffer.alloc(5000 + i, `${number}-${i}`), (e, r) => (e ? fail(e) : done(r))));
        text += zlib.gunzipSync(packed).subarray(i, i + 10).toString();
        if (i % 50 === 0) await new Promise((done) => setTimeout(done, 1));
    }
    return digest(text);
}

async function main() {
    const rows = [];
    for (let i = 0; i < 100000; i++) {
        rows.push({ id: i, name: `row ${i * 31 % 997}`, tags: [i % 3, i % 5, `t${i % 7}`] });
    }
    const json = JSON.stringify(rows);
    const back = JSON.parse(json);
    console.log(json.length, back.length, digest(json), JSON.stringify(back) === json);
    rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : b.id - a.id));
    console.log(rows[0], rows[99999]);

    const workers = [1, 2, 3, 4].map((number) => new Promise((done, fail) => {
        const worker = new Worker(__filename, { workerData: number });
        worker.once('message', (m) => done([m.number, m.sum, digest(m.data)]));
        worker.once('error', fail);
    }));
    console.log(await Promise.all(workers));
    console.log(await Promise.all([1, 2, 3, 4, 5, 6].map(churn)));

    const data = Buffer.from(json);
    for (const [pack, unpack] of [['deflateSync', 'inflateSync'],
        ['brotliCompressSync', 'brotliDecompressSync']]) {
        const options = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };
        const packed = zlib[pack](data, pack.startsWith('b') ? options : { level: 4 });
        console.log(pack, zlib[unpack](packed).equals(data));
    }
    const buffers = [];
    for (let i = 0; i < 20000; i++) {
        buffers[i % 1000] = Buffer.allocUnsafeSlow(i % 10000).fill(i);
    }
    console.log(digest(Buffer.concat(buffers)));
    await Promise.all(Array.from({ length: 50 }, (_, i) =>
        fs.promises.writeFile(`file${i}`, String(i).repeat(10000))));
    const files = await Promise.all(Array.from({ length: 50 }, (_, i) =>
        fs.promises.readFile(`file${i}`)));
    console.log(digest(Buffer.concat(files)));
    console.log(execFileSync(process.execPath, ['-e', 'console.log([3, 1, 2].sort())']).toString());
    console.log(crypto.pbkdf2Sync('secret', 'salt', 20000, 32, 'sha512').toString('hex'));
    const cipher = crypto.createCipheriv('aes-256-cbc', Buffer.alloc(32, 7), Buffer.alloc(16, 9));
    console.log(digest(Buffer.concat([cipher.update(data), cipher.final()])));
}
JS
node work.js
