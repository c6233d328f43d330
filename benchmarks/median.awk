# Medians over rounds, the first column. -v keys=N: the N columns after it tell rows apart.
BEGIN { FS = OFS = "\t" }

NR == 1 {
  sub(/^[^\t]*\t/, "")
  print
  next
}

{
  key = $2
  for (i = 3; i <= keys + 1; i++) key = key OFS $i
  if (!(key in count)) order[++groups] = key
  count[key]++
  for (i = keys + 2; i <= NF; i++) value[key, i, count[key]] = $i + 0
  columns = NF
}

END {
  for (g = 1; g <= groups; g++) {
    line = order[g]
    for (i = keys + 2; i <= columns; i++) line = line OFS median(order[g], i)
    print line
  }
}

function median(key, i,    n, k, j, v, sorted) {
  n = count[key]
  for (k = 1; k <= n; k++) {
    v = value[key, i, k]
    for (j = k; j > 1 && sorted[j - 1] > v; j--) sorted[j] = sorted[j - 1]
    sorted[j] = v
  }
  return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}
