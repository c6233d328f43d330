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

difference() { # A B: A - B, or nothing if one was not measured
  awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && b != "") printf "%.2f", a - b }'
}

# --- Report ---

machine() {
  echo "$(date -u +%F), commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  echo "$(nproc) cores of $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(uname -sr)"
  for java in "$JDK25" "$JDK17"; do "$java/bin/java" -version 2>&1 | sed -n 2p; done
  echo "$(go version | cut -d' ' -f3), nats.go $(awk '/nats.go/ { print $NF; exit }' benchmarks/go/go.mod)"
  echo "$(rustc --version | cut -d' ' -f1,2), $(cargo tree --quiet --depth 1 --prefix none --manifest-path \
    benchmarks/rust/Cargo.toml | grep -E '^(axum|async-nats) ' | paste -sd' ')"
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
  local app
  printf 'target\tgoal\tfigure\treached\n'
  target "requests per second, of the Go pair (stretch: 1.15)" at-least 1.0 "$(of_go req/s java25)"
  target "p99, of Go's" at-most 1.25 "$(of_go p99_ms java25)"
  target "CPU per request of \`http-api\` at $RATE/s, of Go's" at-most 1.2 "$(of_go http_cpu_us java25)"
  target "JDK 17, of the Go pair" at-least 0.8 "$(of_go req/s java17)"
  target "durable tasks submitted, of bare jnats" at-least 0.8 "$(of_bare submit)"
  target "durable tasks submitted and waited for, of bare jnats" at-least 0.8 "$(of_bare "submit and wait")"
  target "start of \`http-api\`" at-most 1.0 "$(figure start seconds http-api)" " s"
  target "start of \`task-leet\`" at-most 0.8 "$(figure start seconds task-leet)" " s"
  target "CPU per request of \`http-api\` at $RATE/s with a key, of without" at-most 1.05 \
    "$(of_clients http_cpu_us "keys: some" "keys: none")"
  target "p99 of a client beside one at its rate, of its own alone" at-most 1.2 \
    "$(of_clients p99_ms "beside one at its rate" alone)"
  target "p99 of a client beside one that sends ten times its rate, of its own alone" at-most 1.2 \
    "$(of_clients p99_ms "beside one at ten times it" alone)"
  target "seconds more that a start with ten thousand clients takes" at-most 1.0 "$(difference \
    "$(figure many-clients seconds 10,000)" "$(figure many-clients seconds none)")" " s"
  target "100 streams of 10 parts a second, p50 from part to client" at-most 5 "$(thousandth "$(s p50_us "100 of 10/s" java25)")" " ms"
  target "the same, p99" at-most 25 "$(thousandth "$(s p99_us "100 of 10/s" java25)")" " ms"
  target "the same beside a client that reads nothing, p99 of alone" at-most 1.2 \
    "$(ratio "$(s p99_us "beside a frozen reader" java25)" "$(s p99_us "100 of 10/s" java25)")"
  target "parts a second of one hot stream, of Go's" at-least 1.0 \
    "$(ratio "$(s parts/s "one, hot" java25)" "$(s parts/s "one, hot" go)")"
  target "RSS of \`task-leet\` under load" at-most 120 "$(t worker_rss java25)" " MiB"
  target "memory of \`task-leet\` under load in its container" at-most 120 "$(figure compose worker_mib java25)" " MiB"
}

s() { figure streams "$@"; }

thousandth() { # FIGURE
  ratio "$1" 1000
}

of_go() { # COLUMN PAIR
  ratio "$(t "$1" "$2")" "$(t "$1" go)"
}

of_clients() { # COLUMN WHAT BESIDE
  ratio "$(figure clients "$1" "$2")" "$(figure clients "$1" "$3")"
}

of_bare() { # CALLS
  ratio "$(figure durable per_second "$1" ours)" "$(figure durable per_second "$1" bare)"
}

with_ratios() { # adds the requests per second as ratios to Go's
  awk -F'\t' -v OFS='\t' '
    NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
    { line[NR] = $0; all[NR] = $column["req/s"]; one[NR] = $column["one_session_req/s"]; if ($1 == "go") go = NR }
    function of(rate, gos) { return gos ? sprintf("%.2f", rate / gos) : "" }
    END { print line[1], "of_go", "one_session_of_go"
      for (i = 2; i <= NR; i++) print line[i], of(all[i], all[go]), of(one[i], one[go]) }'
}

report() {
  {
    printf '### Targets\n\n'
    targets | markdown
    printf '\n### Throughput, latency, CPU and memory\n\n'
    medians throughput 1 | with_ratios | markdown
    printf '\n### Start\n\n'
    medians start 1 | markdown
    printf '\n### Durable tasks, 16 callers\n\n'
    medians durable 2 | markdown
    printf '\n### Clients with keys\n\n'
    medians clients 1 | markdown
    printf '\n### Start with ten thousand clients\n\n'
    medians many-clients 1 | markdown
    printf '\n### Streams of replies\n\n'
    medians streams 2 | markdown
    printf '\n### In containers, by docker compose\n\n'
    medians compose 1 | markdown
    printf '\n### Machine\n\n```\n'
    cat "$RESULTS/machine.txt" 2>/dev/null || true
    printf '```\n'
  } >"$RESULTS/report.md"
  cat "$RESULTS/report.md"
}
