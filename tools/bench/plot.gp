# SPDX-License-Identifier: GPL-2.0
# gnuplot script: the numbers of scripts/bench as one SVG
#
# Set by the caller: out; dir, with the files bars, chain, level and native, each
# with a column for each of the series; n, how many there are; colors, the color of
# each; and timed, whether
# there are times from a processor.

set terminal svg size 1040,(timed ? 800 : 760) enhanced font "sans,13" background rgb "white"
set output out
set multiplot layout 2,2 margins 0.06,0.985,0.07,0.93 spacing 0.085,0.14

array color[3]
color[1] = "#8c8c8c"
color[2] = "#e69f00"
color[3] = "#0072b2"

set border 3 lc rgb "#444444"
set tics nomirror
set grid ytics lc rgb "#dddddd" lt 1
set yrange [0:*]
set title offset 0,-0.5
set style data histograms
set style histogram clustered gap 1.2
set style fill solid noborder
set boxwidth 0.92
set key top left reverse Left samplen 1.5

f = dir."/bars"
set title "Instructions for a tail call; leafcall and miss: for the run"
set yrange [0:*]
set offsets 0, 0, graph 0.35, 0
set xrange [-0.6:5.6]
set xtics scale 0
plot for [i=1:n] f using (column(i + 1)):xtic(1) title columnhead(i + 1) lc rgb color[word(colors, i) + 0], \
     for [i=1:n] f skip 1 using ($0 + (i - (n + 1) / 2.0) / (n + 1.2)):(column(i + 1)):(sprintf("%.1f", column(i + 1))) \
	with labels offset 0,0.5 font "sans,8" notitle

set offsets
set xtics scale 1
f = dir."/chain"
set title "Instructions against the length of the chain"
set xlabel "tail calls in a run" offset 0,0.5
set xrange [0:33]
plot for [i=1:n] f using 1:(column(i + 1)) with lines lw 2.5 lc rgb color[word(colors, i) + 0] title columnhead(i + 1)

f = dir."/level"
set title "Instructions against subprogram levels, a tail call in the last"
set xlabel "levels of subprograms"
set xrange [0:5]
plot for [i=1:n] f using 1:(column(i + 1)) with linespoints lw 2.5 pt 7 ps 0.6 lc rgb color[word(colors, i) + 0] title columnhead(i + 1)
unset xlabel

if (timed) {
	f = dir."/native"
	set title "Time of a run on a processor, ns: median"
	set offsets 0, 0, graph 0.35, 0
	set xrange [-0.6:4.6]
	set xtics scale 0
	plot for [i=1:n] f using (column(i + 1)):xtic(1) title columnhead(i + 1) lc rgb color[word(colors, i) + 0], \
	     for [i=1:n] f skip 1 using ($0 + (i - (n + 1) / 2.0) / (n + 1.2)):(column(i + 1)):(sprintf("%.0f", column(i + 1))) \
		with labels offset 0,0.5 font "sans,8" notitle
}
unset multiplot
