#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: ffmpeg:ffmpeg
# Serves: ffmpeg
# Runs: encodes, decodes and filters video and sound with threads
set -eu
run()
{
    ffmpeg -nostdin -hide_banner -loglevel error -bitexact "$@"
}
run -f lavfi -i testsrc=size=320x240:rate=25 -f lavfi -i sine=440 -t 3 \
    -c:v mpeg4 -threads 2 -c:a aac -flags +bitexact -fflags +bitexact made.mkv
run -i made.mkv -f framemd5 - | sha256sum
run -i made.mkv -vf 'scale=160:120,hflip,boxblur=2' -c:v ffv1 -level 3 -slices 4 -c:a flac \
    -flags +bitexact -fflags +bitexact again.mkv
run -i again.mkv -map 0 -f md5 -
run -i made.mkv -filter_complex '[0:v]split[a][b];[b]negate[c];[a][c]hstack[v]' -map '[v]' \
    -frames:v 20 -f rawvideo -pix_fmt yuv420p - | sha256sum
run -f lavfi -i 'sine=300:duration=5' -af 'aecho,atempo=1.5' -f s16le - | sha256sum
run -i made.mkv -vf fps=2 frame%02d.png
sha256sum frame*.png
