# Keeps results and makes tables of them; read by benchmarks/run.

# --- Results: a line per round in results/*.tsv; everything shown is a median over rounds ---

columns() { # FILE NAME...
  local file=$RESULTS/$1.tsv
  shift
  (IFS=$'\t'; echo "$*") >"$file"
}

row() { # FILE VALUE...
  local file=$RESULTS/$1.tsv
  shift
  (IFS=$'\t'; echo "$*") | tee -a "$file" >&2
}

medians() { # FILE KEYS: keys are the columns after the round that tell rows apart
  [ ! -f "$RESULTS/$1.tsv" ] || awk -v keys="$2" -f benchmarks/median.awk "$RESULTS/$1.tsv"
}

markdown() { # TSV on standard input to a table
  awk -F'\t' '{ columns = NF; gsub(/\t/, " | "); print "| " $0 " |" }
    NR == 1 { for (i = 1; i <= columns; i++) printf "|---"; print "|" }'
}

figure() { # FILE COLUMN KEY...: the median
  local file=$1 column=$2
  shift 2
  medians "$file" $# | awk -F'\t' -v column="$column" -v key="$(IFS=$'\t'; echo "$*")" '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) wanted = i }
    NR > 1 && index($0, key FS) == 1 { print $wanted }'
}

ratio() { # A B [FACTOR]: A / (B * FACTOR), or nothing if one was not measured
  awk -v a="$1" -v b="$2" -v factor="${3:-1}" 'BEGIN { if (a != "" && b > 0) printf "%.2f", a / (b * factor) }'
}

# --- Report ---

machine() {
  echo "$(date -u +%F), commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  echo "$(nproc) cores of $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(uname -sr)"
  for java in "$JDK25" "$JDK17"; do "$java/bin/java" -version 2>&1 | sed -n 2p; done
  echo "$(go version | cut -d' ' -f3), nats.go $(awk '/nats.go/ { print $NF; exit }' benchmarks/go/go.mod)"
  echo "Node $(node --version)," \
    "$(sed -nE 's/^ +"(@nats-io.*|fastify)": "(.*)".*/\1 \2/p' benchmarks/node/package.json | paste -sd,)"
  echo "$("$NATS_SERVER" --version), $(wrk --version 2>&1 | head -1 | cut -d' ' -f1,2)"
  echo "ROUNDS=$ROUNDS DURATION=$DURATION WARMUP=$WARMUP"
}

target() { # TEXT at-least|at-most GOAL FIGURE UNIT
  awk -v text="$1" -v relation="$2" -v goal="$3" -v figure="$4" -v unit="${5:-}" 'BEGIN {
    met = relation == "at-least" ? figure >= goal + 0 : figure <= goal + 0
    reached = figure == "" ? "" : met ? "yes" : "**no**"
    print text "\t" (relation == "at-least" ? "≥ " : "≤ ") goal unit "\t" (figure == "" ? "TBD" : figure unit) "\t" \
      reached }'
}

t() { figure throughput "$@"; }

targets() {
  local go java app callers
  printf 'target\tgoal\tfigure\treached\n'
  go=$(t req/s go 64) java=$(t req/s java25 64)
  target "requests per second, of the Go pair (stretch: 1.15)" at-least 1.0 "$(ratio "$java" "$go")"
  target "requests per second, of the Node pair" at-least 3.5 "$(ratio "$java" "$(t req/s node 64)")"
  target "p99, of Go's" at-most 1.0 "$(ratio "$(t p99_ms java25 64)" "$(t p99_ms go 64)")"
  target "CPU per request of \`http-api\`, of Go's HTTP process" at-most 1.15 \
    "$(ratio "$(t http_cpu_us java25 64)" "$(t http_cpu_us go 64)")"
  target "CPU per request of \`task-leet\`, of Go's HTTP process" at-most 1.15 \
    "$(ratio "$(t worker_cpu_us java25 64)" "$(t http_cpu_us go 64)")"
  target "512 connections, of the throughput at 64" at-least 0.85 "$(ratio "$(t req/s java25 512)" "$java")"
  target "JDK 17, of the Go pair" at-least 0.7 "$(ratio "$(t req/s java17 64)" "$go")"
  target "in-process, of our own on NATS" at-least 1.3 "$(ratio "$(t req/s in-process 64)" "$java")"
  for callers in 1 64 256; do
    target "\`MessagingClient.request\`, $callers callers, of bare jnats" at-least 0.95 \
      "$(ratio "$(figure layer per_second client $callers ours)" "$(figure layer per_second client $callers bare)")"
  done
  for callers in 1 64 256; do
    target "worker, $callers callers, of a bare dispatcher" at-least 0.9 \
      "$(ratio "$(figure layer per_second worker $callers ours)" "$(figure layer per_second worker $callers bare)")"
  done
  target "seconds 0-5 after ready, of the steady state" at-least 0.3 "$(figure first-minute first java25)"
  target "seconds 5-10 after ready, of the steady state" at-least 0.6 "$(figure first-minute second java25)"
  target "start of \`http-api\`, image" at-most 1.0 "$(figure start seconds http-api image)" " s"
  target "start of \`task-leet\`, image" at-most 0.8 "$(figure start seconds task-leet image)" " s"
  for app in http-api task-leet; do
    target "start of \`$app\`, image, of the plain jar" at-most 0.3 \
      "$(ratio "$(figure start seconds $app image)" "$(figure start seconds $app jar)")"
  done
  target "RSS of \`http-api\` under load (stretch: 150)" at-most 190 "$(t http_rss java25 64)" " MiB"
  target "RSS of \`task-leet\` under load" at-most 105 "$(t worker_rss java25 64)" " MiB"
  for app in http-api task-leet; do
    target "live set of \`$app\` after $(soaked) s of load, of the one before" at-most 1.05 \
      "$(ratio "$(figure memory live_end $app)" "$(figure memory live_begin $app)")"
  done
  for count in 2 4; do
    target "handler of 10 ms: $count workers, of $count times one" at-least 0.9 \
      "$(ratio "$(figure scale req/s $count)" "$(figure scale req/s 1)" $count)"
  done
  for size in 64 1024; do
    target "payload of $size KiB: bytes per second, of bare jnats" at-least 0.8 \
      "$(ratio "$(figure layer per_second "payload of $size KiB" 8 ours)" \
        "$(figure layer per_second "payload of $size KiB" 8 bare)")"
  done
  target "CPU per request, dearest of cheapest from 1 to 1,000 connections" at-most 1.5 "$(spread java25)"
}

soaked() { tail -1 "$RESULTS/memory-rss.tsv" 2>/dev/null | awk '{ print $1 + 0 }' || true; }

spread() { # PAIR: how many times what the cheapest number of connections costs the dearest costs
  medians connections 2 | awk -F'\t' -v pair="$1" '$1 == pair { cost = $7 + $8
    if (!least || cost < least) least = cost
    if (cost > most) most = cost } END { if (least) printf "%.2f", most / least }'
}

with_ratios() { # adds the requests per second as ratios to Go and to bare jnats
  awk -F'\t' -v OFS='\t' '{ line[NR] = $0; rate[NR] = $3; if ($2 == 64) base[$1] = $3 }
    function of(i, pair) { return base[pair] ? sprintf("%.2f", rate[i] / base[pair]) : "" }
    END { print line[1], "of_go", "of_bare"; for (i = 2; i <= NR; i++) print line[i], of(i, "go"), of(i, "bare") }'
}

report() {
  medians throughput 2 | awk -f benchmarks/plot.awk >"$RESULTS/throughput.svg"
  {
    printf '### Targets\n\n'
    targets | markdown
    printf '\n### Throughput and latency\n\n'
    medians throughput 2 | with_ratios | markdown
    printf '\n### Cost per connection\n\n'
    medians connections 2 | markdown
    printf '\n### First minute\n\n'
    medians first-minute 1 | markdown
    printf '\n### Start\n\n'
    medians start 2 | markdown
    printf '\n### Our layer and bare jnats\n\n'
    medians layer 3 | markdown
    printf '\n### Workers with a handler of 10 ms\n\n'
    medians scale 1 | markdown
    printf '\n### Memory in MiB\n\n'
    medians memory 1 | markdown
    printf '\n### JMH\n\n```\n'
    cat "$RESULTS/jmh.txt" 2>/dev/null || true
    printf '```\n\n### Machine\n\n```\n'
    cat "$RESULTS/machine.txt" 2>/dev/null || true
    printf '```\n'
  } >"$RESULTS/report.md"
  cat "$RESULTS/report.md"
}
