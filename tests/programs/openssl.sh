#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: openssl:openssl
# Serves: openssl
# Runs: digests, ciphers, keys, certificates
set -eu
seq 1 200000 >data
for hash in md5 sha1 sha256 sha512 sha3-256 blake2b512; do
    openssl dgst -$hash data
done
for cipher in aes-256-cbc aes-128-ctr chacha20; do
    openssl enc -$cipher -K 00112233445566778899aabbccddeeff -iv 0102030405060708090a0b0c0d0e0f10 \
        -in data -out secret 2>/dev/null
    sha256sum secret
    openssl enc -d -$cipher -K 00112233445566778899aabbccddeeff \
        -iv 0102030405060708090a0b0c0d0e0f10 -in secret 2>/dev/null | cmp - data
done
openssl enc -aes-256-cbc -pbkdf2 -pass pass:secret -S 0102030405060708 -a -in data | sha256sum
# Keys are random: only what they do is compared.
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem 2>/dev/null ||
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem 2>/dev/null
openssl pkey -in rsa.pem -pubout -out rsa.pub
openssl dgst -sha256 -sign rsa.pem -out signature data
openssl dgst -sha256 -verify rsa.pub -signature signature data
openssl ecparam -name prime256v1 -genkey -noout -out ec.pem
openssl req -x509 -new -key ec.pem -subj '/CN=localhost' -days 30 -out root.crt
openssl req -new -key rsa.pem -subj '/CN=leaf' -out leaf.csr
openssl x509 -req -in leaf.csr -CA root.crt -CAkey ec.pem -set_serial 7 -out leaf.crt 2>/dev/null
openssl verify -CAfile root.crt leaf.crt
openssl x509 -in leaf.crt -noout -subject -issuer -serial
openssl pkcs12 -export -in leaf.crt -inkey rsa.pem -passout pass:x -out leaf.p12
openssl pkcs12 -in leaf.p12 -passin pass:x -nokeys 2>/dev/null | grep -c BEGIN
openssl asn1parse -in root.crt | awk -F: '{ print $NF }' | grep -c prim
openssl prime 1000003 1000001
openssl ciphers -v ALL | sha256sum
openssl speed -seconds 1 -bytes 1000 -multi 2 sha256 >/dev/null 2>speed.log || cat speed.log >&2
echo "ended well"
