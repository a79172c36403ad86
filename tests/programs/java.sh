#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: javac:default-jdk-headless java:default-jre-headless
# Serves: java javac
# Runs: collections, compression, threads and direct buffers in the JVM
set -eu
cat >Work.java <<'JAVA'
import java.io.*;
import java.nio.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;

public class Work {
    static String digest(byte[] data) throws Exception {
        byte[] sum = MessageDigest.getInstance("SHA-256").digest(data);
        return new java.math.BigInteger(1, sum).toString(16);
    }

    static byte[] round(byte[] data) throws Exception {
        var out = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(out)) {
            gzip.write(data);
        }
        try (var in = new GZIPInputStream(new ByteArrayInputStream(out.toByteArray()))) {
            return in.readAllBytes();
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, List<Integer>> table = new TreeMap<>();
        for (int i = 0; i < 200000; i++)
            table.computeIfAbsent("key" + i * 31 % 4099, k -> new ArrayList<>()).add(i);
        System.out.println(table.size() + " " + digest(table.toString().getBytes()));

        var pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> futures = new ArrayList<>();
        for (int n = 0; n < 16; n++) {
            int number = n;
            futures.add(pool.submit(() -> {
                var adler = new Adler32();
                for (int i = 0; i < 200; i++) {
                    ByteBuffer direct = ByteBuffer.allocateDirect(1000 + i * 50);
                    while (direct.hasRemaining())
                        direct.put((byte) (number + i));
                    direct.flip();
                    adler.update(direct);
                    var deflater = new Deflater(6, i % 2 == 0);
                    deflater.end();
                }
                adler.update(round(new byte[50000 + number]));
                return adler.getValue();
            }));
        }
        for (var future : futures)
            System.out.println(future.get());
        pool.shutdown();
        for (int i = 0; i < 5; i++) {
            byte[][] garbage = new byte[2000][];
            for (int j = 0; j < garbage.length; j++)
                garbage[j] = new byte[j * 7];
            System.gc();
        }
        System.out.println(IntStream.range(0, 100000).parallel()
            .mapToLong(i -> (long) i * i).sum());
        System.out.println(Stream.iterate(1, i -> i * 7919 % 10007).limit(2000).sorted()
            .map(String::valueOf).collect(Collectors.joining(",")).hashCode());
        var process = new ProcessBuilder("sort", "-r").start();
        try (var out = process.getOutputStream()) {
            out.write("a\nc\nb\n".getBytes());
        }
        System.out.println(new String(process.getInputStream().readAllBytes()) + process.waitFor());
    }
}
JAVA
javac Work.java
sha256sum Work.class
java -Xmx256m Work
java -Xmx256m -Xint -XX:+UseSerialGC -version 2>/dev/null && echo "serial collector"
