# Starts, ends and measures processes; read by benchmarks/run.

# --- Processes: everything that starts here ends here ---

PIDS=()
exec {NEVER}<> <(:) # reading from it is a sleep without a process

nap() { read -rt "$1" -u "$NEVER" || true; }

# Linux schedules sessions, as it schedules containers: each process gets its own. Empty: all in one.
SETSID=$([ -n "${ONE_SESSION:-}" ] || echo setsid)

start() { # DIRECTORY LOG COMMAND...: sets STARTED
  local directory=$1 log=$WORK/$2.log
  shift 2
  (cd "$directory" && exec $SETSID "$@" >"$log" 2>&1) &
  STARTED=$!
  PIDS+=("$STARTED")
}

stop() { # PID...: TERM, and KILL after 10 seconds
  local pid i
  kill "$@" 2>/dev/null || true
  for pid in "$@"; do
    for ((i = 0; i < 500; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      nap 0.02
    done
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}

trap 'stop "${PIDS[@]}"' EXIT
trap 'exit 130' INT TERM

free_port() { # sets PORT
  while PORT=$((20000 + RANDOM % 10000)); (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do :; done
}

GET_READINESS='GET /actuator/health/readiness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
POST_TASK='POST /task HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 15\r\n\r\n{"payload":"x"}'

await() { # PID PORT REQUEST: until the process answers it with 200, looked at every 2 ms, for two minutes
  local end=$((SECONDS + 120)) line
  until { exec 3<>"/dev/tcp/127.0.0.1/$2"; } 2>/dev/null && printf '%b' "$3" >&3 && read -rt 10 line <&3 \
      && [[ $line == *' 200'* ]]; do
    { exec 3>&-; } 2>/dev/null
    kill -0 "$1" 2>/dev/null && [ $SECONDS -lt $end ] || die "did not become ready, see the logs in $WORK"
    nap 0.002
  done
  exec 3>&-
}

start_nats() {
  free_port
  # A payload of 1 MiB and its headers
  echo 'max_payload: 2MB' >"$WORK/nats.conf"
  start . nats "$NATS_SERVER" -a 127.0.0.1 -p "$PORT" -c "$WORK/nats.conf"
  export NATS_URL=nats://127.0.0.1:$PORT
  local end=$((SECONDS + 10))
  until (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do
    [ $SECONDS -lt $end ] || die "nats-server does not start, see $WORK/nats.log"
    nap 0.02
  done
}

start_app() { # APP LAYOUT SETTINGS...: sets STARTED, HTTP_PORT for http-api and READY_PORT
  local app=$1 layout=$2 java=$JDK25 flags
  shift 2
  if [ "$app" = http-api ]; then
    free_port
    HTTP_PORT=$PORT
    set -- --server.port="$HTTP_PORT" "$@"
  fi
  free_port
  READY_PORT=$PORT
  [ "$app" = http-api ] && set -- --management.server.port="$PORT" "$@" || set -- --server.port="$PORT" "$@"
  case $layout in
    image) flags=$(image_flags "$app") ;;
    jar) flags=-XX:+UseSerialGC ;;
    jar17) flags=-XX:+UseSerialGC java=$JDK17 ;;
  esac
  if [ "$layout" = image ]; then
    LOGGING_STRUCTURED_FORMAT_CONSOLE=ecs \
      start "$WORK/image/$app" "$app" "$java/bin/java" $flags "$(heap "$app")" -jar "$app.jar" "$@"
  else
    start . "$app" "$java/bin/java" $flags "$(heap "$app")" -jar "$app/target/$app.jar" "$@"
  fi
}

# Starts both sides and waits until they answer: sets HTTP, WORKER (process ids, or empty) and HTTP_PORT
start_pair() { # PAIR
  HTTP='' WORKER=''
  case $1 in
    java25 | java25-jar | java17)
      local layout=image worker_port
      [ "$1" = java25 ] || layout=jar
      [ "$1" != java17 ] || layout=jar17
      start_app task-leet $layout
      WORKER=$STARTED worker_port=$READY_PORT
      start_app http-api $layout
      HTTP=$STARTED
      await "$HTTP" "$READY_PORT" "$GET_READINESS"
      await "$WORKER" "$worker_port" "$GET_READINESS" ;;
    in-process)
      free_port
      HTTP_PORT=$PORT
      free_port
      # As much heap as the two together
      start . dev "$JDK25/bin/java" -XX:+UseSerialGC -Xmx160m -cp "$CLASSPATH" dev.workloads.dev.DevApplication \
        --server.port="$HTTP_PORT" --management.server.port="$PORT"
      HTTP=$STARTED ;;
    go | node)
      local command=("$WORK/go/") suffix=
      [ "$1" = go ] || command=(node "$WORK/node/") suffix=.mjs
      start . task-leet "${command[@]:0:${#command[@]}-1}" "${command[-1]}task-leet$suffix"
      WORKER=$STARTED
      free_port
      HTTP_PORT=$PORT
      PORT=$HTTP_PORT start . http-api "${command[@]:0:${#command[@]}-1}" "${command[-1]}http-api$suffix"
      HTTP=$STARTED ;;
    bare)
      start . bare "$JDK25/bin/java" -XX:+UseSerialGC -Xmx64m -cp "$CLASSPATH" \
        dev.workloads.benchmarks.BareJnats worker "$NATS_URL"
      WORKER=$STARTED
      return ;;
  esac
  await "$HTTP" "$HTTP_PORT" "$POST_TASK"
}

stop_pair() { stop $HTTP $WORKER; }

# --- Measuring ---

cpu() { # PID: microseconds of CPU so far, user and system
  [ -z "$1" ] && echo 0 ||
    awk -v tick="$(getconf CLK_TCK)" '{ printf "%.0f", ($14 + $15) * 1e6 / tick }' "/proc/$1/stat"
}

memory() { # PID VmRSS|VmHWM: MiB
  [ -z "$1" ] && echo 0 || awk -v field="$2:" '$1 == field { printf "%.1f", $2 / 1024 }' "/proc/$1/status"
}

load() { # CONNECTIONS SECONDS: prints wrk's RESULT
  $SETSID wrk -t1 -c"$1" -d"$2s" --timeout 10s --latency -s benchmarks/task.lua "http://127.0.0.1:$HTTP_PORT/task" \
    | sed -n 's/^RESULT //p'
}

rate() { # CONNECTIONS SECONDS: requests per second
  load "$1" "$2" | awk '{ printf "%.0f", $1 * 1e6 / $2 }'
}

MEASURED="req/s p50_ms p99_ms p99.9_ms http_cpu_us worker_cpu_us http_rss worker_rss http_peak worker_peak"
MEASURED+=" wrong no_answer"

measure() { # PAIR CONNECTIONS: prints what MEASURED names
  local http worker result
  if [ "$1" = bare ]; then # warms up by itself, and knows the CPU of both
    result="$("$JDK25/bin/java" -XX:+UseSerialGC -Xmx96m -cp "$CLASSPATH" dev.workloads.benchmarks.BareJnats client \
      "$NATS_URL" "$2" "$WARMUP" "$DURATION" "$WORKER" | sed -n 's/^RESULT //p')"
  else
    http=$(cpu "$HTTP")
    worker=$(cpu "$WORKER")
    result="$(load "$2" "$DURATION")"
    result+=" $(($(cpu "$HTTP") - http)) $(($(cpu "$WORKER") - worker))"
  fi
  echo "$result $(memory "$HTTP" VmRSS) $(memory "$WORKER" VmRSS) $(memory "$HTTP" VmHWM) $(memory "$WORKER" VmHWM)" |
    awk -v OFS='\t' '{ print sprintf("%.0f", $1 * 1e6 / $2), $3 / 1000, $4 / 1000, $5 / 1000,
      sprintf("%.1f", $9 / $1), sprintf("%.1f", $10 / $1), $11, $12, $13, $14, $7, $8 }'
}

live() { # PID: MiB of objects after a full collection
  "$JDK25/bin/jcmd" "$1" GC.class_histogram | awk '/^Total/ { printf "%.2f", $3 / 1048576 }'
}
