#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: perl:perl
# Perl: hashes of arrays, sorting, joining, splitting and substitution.
set -eu
case $1 in
prepare)
    cat >work.pl <<'PERL'
use strict;
use warnings;
$ENV{PERL_HASH_SEED} eq '0' or die;
my $size = shift;
my $total = 0;
for my $turn (1 .. ($size < 5 ? 1 : int($size / 5))) {
    my %table;
    for my $i (0 .. 20000) {
        push @{ $table{ 'key' . $i * 7919 % 5003 } }, { id => $i, text => 'x' x ($i % 40) };
    }
    my @lines = map { my $key = $_; join ',', $key, map { $_->{text} } @{ $table{$key} } }
        sort keys %table;
    my $text = join "\n", @lines;
    (my $copy = $text) =~ s/(\d)x/<$1>/g;
    my @words = split /[,\n]/, $copy;
    my %count;
    $count{$_}++ for @words;
    $total += @words + keys(%count) + length $copy;
}
print "$total\n";
PERL
    echo "$2" >size
    ;;
run)
    export PERL_HASH_SEED=0
    exec env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} perl work.pl "$(cat size)"
    ;;
esac
