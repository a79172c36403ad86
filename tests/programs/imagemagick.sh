#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: convert-im6.q16:imagemagick
# Serves: convert-im6*
# Runs: resizes, rotates, blurs, mixes and converts pictures
set -eu
convert="convert-im6.q16"
sum()
{
    $convert "$1" -depth 8 rgba:- | sha256sum
}
$convert -size 500x400 gradient:red-blue start.png
sum start.png
$convert start.png -resize 250x200 -rotate 30 -blur 0x3 turned.png
sum turned.png
$convert start.png -colors 16 -posterize 4 -sharpen 0x2 -negate changed.gif
sum changed.gif
$convert start.png turned.png -append -quality 80 both.jpg
sum both.jpg
$convert start.png \( +clone -flip \) \( turned.png -resize 500x400\! \) \
    -evaluate-sequence mean mean.png
sum mean.png
$convert -size 100x100 xc:white -fill black -draw 'circle 50,50 20,20' -morphology Dilate Disk:5 \
    -distort SRT 45 drawn.png
sum drawn.png
$convert start.png -crop 50x50 +repage tile%03d.png
echo tile*.png | wc -w
$convert start.png -format '%w %h %k %[mean]\n' info:
