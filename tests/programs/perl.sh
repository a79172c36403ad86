#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: perl:perl
# Serves: perl
# Runs: hashes of 50000 keys, regular expressions, sorting, threads where perl has them
set -eu
cat >work.pl <<'PERL'
use strict;
use warnings;
use Config;
use Digest::MD5 qw(md5_hex);

my (%table, @rows);
for my $i (1 .. 100_000) {
    my $key = "key" . ($i * 7919 % 50021);
    push @{ $table{$key}{list} }, $i;
    $table{$key}{text} .= "<$i>";
}
delete $table{"key$_"} for grep { $_ % 3 == 0 } 1 .. 50021;
my $all = join ",", map { "$_=$table{$_}{text}" } sort keys %table;
print scalar(keys %table), " ", length($all), " ", md5_hex($all), "\n";

(my $changed = $all) =~ s/<(\d+)>/ $1 % 2 ? "[$1]" : "" /ge;
print length($changed), " ", md5_hex($changed), "\n";
my @found = $changed =~ /key(\d{4})=\[/g;
print scalar(@found), "\n";

my $grown = "";
$grown .= substr($all, $_, $_ % 50) for 1 .. 50_000;
print md5_hex($grown), "\n";
@rows = sort { $a->[1] <=> $b->[1] or $a->[0] cmp $b->[0] }
    map { [ "r$_", $_ * 31 % 997 ] } 1 .. 50_000;
print join(" ", map { $_->[0] } @rows[0 .. 9]), "\n";
print md5_hex(join "", map { sprintf "%08.3f|%-10s|%x", $_ / 7, $_, $_ } 1 .. 30_000), "\n";

for my $number (1 .. 10) {
    my $child = open(my $pipe, "-|") // die "fork: $!";
    if (!$child) {
        my @mine = map { "x" x ($_ % 100) } 1 .. 5_000;
        print "child $number ", length(join "", @mine), " ", scalar(keys %table), "\n";
        exit 0;
    }
    print while <$pipe>;
    close $pipe or print "child failed\n";
}
print `seq 1 1000 | sort -r | tail -n 1`;

if ($Config{usethreads} && eval { require threads }) {
    my @threads = map {
        my $number = $_;
        threads->create(sub { my %mine = map { $_ => "v" x ($_ % 60) } 1 .. 5_000;
            return length join "", values %mine; })
    } 1 .. 6;
    print join(" ", map { $_->join } @threads), "\n";
}
my $code = join "", map { "sub generated_$_ { return \$_[0] + $_ }\n" } 1 .. 2_000;
eval $code . "1" or die $@;
no strict "refs";
my $sum = 0;
$sum = &{"generated_$_"}($sum) for 1 .. 2_000;
print "$sum\n";
PERL
perl work.pl
