#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: dpkg-deb:dpkg apt-cache:apt
# Serves: dpkg-query dpkg-deb apt-cache
# Runs: queries of the package database, builds and unpacks a package
set -eu
umask 022
dpkg-query -W -f '${Package} ${Version} ${Depends}\n' | sha256sum
dpkg-query -S /etc/debian_version /usr/bin/env
dpkg --compare-versions 1.2~rc1 lt 1.2 && echo lower
mkdir -p package/DEBIAN package/usr/share/sample
seq 200000 >package/usr/share/sample/data
cat >package/DEBIAN/control <<'CONTROL'
Package: sample
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: sample
CONTROL
find package -exec touch -d '2020-01-01' {} +
SOURCE_DATE_EPOCH=1577836800 dpkg-deb --root-owner-group -Zxz --build package sample.deb
sha256sum sample.deb
dpkg-deb -I sample.deb
dpkg-deb -c sample.deb
dpkg-deb -x sample.deb out
cmp package/usr/share/sample/data out/usr/share/sample/data
apt-config dump | sort | sha256sum
apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= stats | sha256sum
apt-cache policy dpkg | head -n 2
