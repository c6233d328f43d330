-- What wrk sends, and how it checks and tells what came back.
wrk.method = "POST"
wrk.body = '{"worker": "task-leet", "payload": "Hello World"}'
wrk.headers["Content-Type"] = "application/json"

local threads = {}
wrong = 0

function setup(thread)
  table.insert(threads, thread)
end

function response(status, headers, body)
  if body ~= "H3110 W0r1d" then
    wrong = wrong + 1
  end
end

-- With RATE, requests are due at fixed times, whichever connection is free: wrk waits for as many milliseconds before each
local rate = tonumber(os.getenv("RATE"))
if rate then
  local ffi = require("ffi")
  ffi.cdef("struct timeval { long sec, usec; }; int gettimeofday(struct timeval *now, void *zone);")
  local now = ffi.new("struct timeval")
  local due

  function delay()
    ffi.C.gettimeofday(now, nil)
    local ms = tonumber(now.sec) * 1000 + tonumber(now.usec) / 1000
    due = due and due + 1000 / rate or ms
    return math.max(0, math.floor(due - ms))
  end
end

-- RESULT requests, microseconds, p50 and p99 in microseconds, wrong bodies and errors
function done(summary, latency)
  local errors = summary.errors
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
  end
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), wrong + errors.connect + errors.read + errors.write + errors.timeout))
end
