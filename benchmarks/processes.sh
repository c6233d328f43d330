# Starts, ends and measures processes; read by benchmarks/run.

# --- Processes: everything that starts here ends here ---

PIDS=()
HTTP_SETTINGS=() # what http-api is started with beside its ports
COMPOSED= # the pair that runs in containers
exec {NEVER}<> <(:) # reading from it is a sleep without a process

nap() { read -rt "$1" -u "$NEVER" || true; }

# Linux schedules sessions, as it schedules containers: SETSID=setsid gives each process its own, empty all the same one

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

trap 'stop "${PIDS[@]}"; [ -z "$COMPOSED" ] || compose down --volumes >/dev/null 2>&1' EXIT
trap 'exit 130' INT TERM

free_port() { # sets PORT
  while PORT=$((20000 + RANDOM % 10000)); (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do :; done
}

GET_READINESS='GET /actuator/health/readiness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
POST_TASK='POST /task HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer steady\r\nConnection: close\r\nContent-Length: 15\r\n\r\n{"payload":"x"}'

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

start_nats() { # ARGUMENTS...
  free_port
  start . nats "$NATS_SERVER" -a 127.0.0.1 -p "$PORT" "$@"
  NATS=$STARTED
  export NATS_URL=nats://127.0.0.1:$PORT
  local end=$((SECONDS + 10))
  until (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do
    [ $SECONDS -lt $end ] || die "nats-server does not start, see $WORK/nats.log"
    nap 0.02
  done
}

start_app() { # APP JDK: as in the image on JDK 25, else the plain jar; sets STARTED, HTTP_PORT for http-api and READY_PORT
  local app=$1 jdk=$2 settings=()
  free_port
  READY_PORT=$PORT settings=(--server.port="$PORT")
  if [ "$app" = http-api ]; then
    free_port
    HTTP_PORT=$PORT settings=(--server.port="$HTTP_PORT" --management.server.port="$READY_PORT" "${HTTP_SETTINGS[@]}")
  fi
  if [ "$jdk" = "$JDK25" ]; then
    LOGGING_STRUCTURED_FORMAT_CONSOLE=ecs start "$WORK/image/$app" "$app" "$jdk/bin/java" $(image_flags "$app") \
      "$(memory_limit "$app")" -jar "$app.jar" "${settings[@]}"
  else
    start . "$app" "$jdk/bin/java" -XX:+UseSerialGC -Xmx96m -jar "$app/target/$app.jar" "${settings[@]}"
  fi
}

# Starts a server and both sides, and waits until they answer: sets HTTP and WORKER (process ids) and HTTP_PORT
start_pair() { # PAIR
  local worker_port jdk=$JDK25
  start_nats
  case $1 in
    java*)
      [ "$1" = java25 ] || jdk=$JDK17
      start_app task-leet "$jdk"
      WORKER=$STARTED worker_port=$READY_PORT
      start_app http-api "$jdk"
      HTTP=$STARTED
      await "$HTTP" "$READY_PORT" "$GET_READINESS"
      await "$WORKER" "$worker_port" "$GET_READINESS" ;;
    *)
      start . task-leet "$WORK/$1/bin/task-leet"
      WORKER=$STARTED
      free_port
      HTTP_PORT=$PORT
      PORT=$HTTP_PORT start . http-api "$WORK/$1/bin/http-api"
      HTTP=$STARTED ;;
  esac
  await "$HTTP" "$HTTP_PORT" "$POST_TASK"
}

stop_pair() { stop "$HTTP" "$WORKER" "$NATS"; }

# --- Containers ---

compose() { # ARGUMENTS...
  local directory=.
  [ "$COMPOSED" = java25 ] || directory=benchmarks/$COMPOSED
  BINARIES=$WORK/$COMPOSED/bin docker compose --project-name "benchmark-$COMPOSED" --file "$directory/docker-compose.yml" "$@"
}

container_pid() { # SERVICE
  docker inspect --format '{{.State.Pid}}' "$(compose ps --quiet "$1")"
}

container_memory() { # SERVICE: MiB that are the container's own, as Docker counts them: without clean pages of files
  docker stats --no-stream --format '{{.MemUsage}}' "$(compose ps --quiet "$1")" | sed 's/MiB.*//'
}

# --- Measuring ---

cpu() { # PID: microseconds of CPU so far, user and system
  awk -v tick="$(getconf CLK_TCK)" '{ printf "%.0f", ($14 + $15) * 1e6 / tick }' "/proc/$1/stat"
}

memory() { # PID: MiB
  awk '$1 == "VmRSS:" { printf "%.1f", $2 / 1024 }' "/proc/$1/status"
}

# Prints requests per second, p50 and p99 in ms, CPU per request of HTTP and worker in us, and how many answers were wrong or
# missing. With RATE as many requests per second, else as many as 64 connections get done. With KEY as that client
load() { # SECONDS
  local http worker result
  http=$(cpu "$HTTP") worker=$(cpu "$WORKER")
  result=$($SETSID wrk -t1 -c64 -d"$1s" --timeout 10s --latency -s benchmarks/task.lua \
    ${KEY:+-H "Authorization: Bearer $KEY"} "http://127.0.0.1:$HTTP_PORT/task" |
    sed -n 's/^RESULT //p')
  echo "$result $(($(cpu "$HTTP") - http)) $(($(cpu "$WORKER") - worker))" |
    awk '{ printf "%.0f %.2f %.2f %.1f %.1f %d", $1 * 1e6 / $2, $3 / 1000, $4 / 1000, $6 / $1, $7 / $1, $5 }'
}
