#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: memcached:memcached perl:perl
# Serves: memcached
# Runs: parallel clients that set, get and delete
set -eu
. "${0%/*}/servers.sh"
cat >client.pl <<'PERL'
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use IO::Socket::INET;

my ($port, $number) = @ARGV;
my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
my $answers = "";
for my $i (1 .. 3000) {
    my $key = "c${number}k" . $i * 7919 % 1009;
    my $value = "v$i" x ($i * 31 % 400);
    printf $socket "set %s 0 0 %d\r\n%s\r\n", $key, length $value, $value;
    $answers .= <$socket>;
    if ($i % 3 == 0) {
        print $socket "get c${number}k", $i * 17 % 1009, "\r\n";
        while (defined(my $line = <$socket>)) {
            $answers .= $line;
            last if $line =~ /^END/;
        }
    }
    if ($i % 10 == 0) {
        print $socket "delete c${number}k", $i * 13 % 1009, "\r\n";
        $answers .= <$socket>;
    }
}
print "$number ", md5_hex($answers), "\n";
PERL
ask()
{
    perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or exit 1;
        print $s "$ARGV[1]\r\nquit\r\n"; print while <$s>;' "$port" "$1" | tr -d '\r'
}
launch()
{
    # Only root has to name a user.
    [ "$(id -u)" != 0 ] || set -- -u root
    exec memcached -l 127.0.0.1 -p "$port" -U 0 -t 4 -m 64 "$@"
}
probe()
{
    ask stats | grep "STAT pid $server\$"
}
start_server launch probe
clients=
for number in 1 2 3 4 5 6; do
    perl client.pl "$port" $number >"client$number" &
    clients="$clients $!"
done
for client in $clients; do
    wait "$client"
done
cat client?
ask stats | grep -E 'STAT (curr_items|cmd_set|cmd_get|evictions|bytes) '
ask flush_all
kill -INT "$server"
wait_server || echo "status $?"
