-- What wrk sends, and how it checks and tells what came back.
wrk.method = "POST"
wrk.body = '{"worker": "task-leet", "payload": "Hello World"}'
wrk.headers["Content-Type"] = "application/json"

local expected = os.getenv("EXPECTED") or "H3110 W0r1d"
local threads = {}
wrong = 0

function setup(thread)
  table.insert(threads, thread)
end

function response(status, headers, body)
  if body ~= expected then
    wrong = wrong + 1
  end
end

-- RESULT requests, microseconds, p50, p99, p99.9 in microseconds, not 2xx, wrong bodies, socket errors
function done(summary, latency)
  local bodies = 0
  for _, thread in ipairs(threads) do
    bodies = bodies + thread:get("wrong")
  end
  local errors = summary.errors
  print(string.format("RESULT %d %d %d %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), latency:percentile(99.9), errors.status, bodies,
    errors.connect + errors.read + errors.write + errors.timeout))
end
