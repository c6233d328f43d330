# Draws the medians of results/throughput.tsv at 64 connections as an SVG of three bar charts.
BEGIN {
  FS = "\t"
  split("Requests per second|p99, ms|CPU per request, us: HTTP, worker", title, "|")
  colour["java25"] = colour["java17"] = colour["in-process"] = "#2f6db5"
  colour["go"] = colour["node"] = "#8a8f98"
  colour["bare"] = "#c9ccd1"
}

NR > 1 && $2 == 64 {
  pair[++n] = $1
  value[1, n] = $3
  value[2, n] = $5
  value[3, n] = $7 + $8
  http[n] = $7
  for (c = 1; c <= 3; c++) if (value[c, n] > most[c]) most[c] = value[c, n]
}

END {
  height = 40 + 24 * n
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1000\" height=\"" height "\" font-family=\"sans-serif\"" \
    " font-size=\"12\">"
  print "<rect width=\"1000\" height=\"" height "\" fill=\"white\"/>"
  for (c = 1; c <= 3; c++) {
    left = 90 + (c - 1) * 305
    print "<text x=\"" left "\" y=\"20\" font-weight=\"bold\">" title[c] "</text>"
    for (i = 1; i <= n; i++) {
      y = 32 + 24 * (i - 1)
      if (c == 1) print "<text x=\"84\" y=\"" y + 13 "\" text-anchor=\"end\">" pair[i] "</text>"
      bar(left, y, value[c, i], most[c], "0.55")
      bar(left, y, c == 3 ? http[i] : value[c, i], most[c], "1")
      x = left + 5 + width(value[c, i], most[c])
      print "<text x=\"" x "\" y=\"" y + 13 "\">" value[c, i] "</text>"
    }
  }
  print "</svg>"
}

function width(v, max) {
  return max > 0 ? 230 * v / max : 0
}

function bar(x, y, v, max, opacity) {
  printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"18\" fill=\"%s\" fill-opacity=\"%s\"/>\n", x, y,
    width(v, max), colour[pair[i]], opacity
}
