"""The ledger's scripts. Each can be run again without harm, early or late."""

from rao_runtime.adapters.redis_scripts import script

# So many bookings that are done with are remembered, for whoever looked at a tree before and books it after.
REMEMBERED = 1_000

# What a row's sums count, in the order they are kept in, as a list in JSON. An amount is two numbers, since Lua's are
# exact to 2^53 only: whole millionths of a dollar, and what is over, in 1e-12 dollars.
COUNTERS = ("trees", "attempts", "input", "cached", "output", "unpriced", "micro", "pico")

# ARGV: rows. Returns their numbers; a row that has none gets the next one, for ever.
NUMBER_ROWS = script(
    "ledger_number_rows",
    "ledger",
    ("rows",),
    """
local numbers = {}
for i, row in ipairs(ARGV) do
  local number = redis.call('HGET', KEYS[1], row)
  if not number then
    number = redis.call('HLEN', KEYS[1])
    redis.call('HSET', KEYS[1], row, number)
  end
  numbers[i] = tonumber(number)
end
return numbers
""",
)

# ARGV: what is booked; `n` as it was before that was looked at; now in ms; the day's end in ms; how many rows, then of
# each its text, its number and what is added to its counters; then the blocks. Returns what became of it:
# `new`, or `booked` before; `stale`: it must be looked at again; `rows`: their numbers are others;
# `late`: it is for another day, and at which ms.
BOOK = script(
    "ledger_book",
    "ledger",
    ("rows", "state", "pending", "done", "log", "d:day", "m:month"),
    f"""
if redis.call('ZSCORE', KEYS[3], ARGV[1]) or redis.call('ZSCORE', KEYS[4], ARGV[1]) then return {{'booked'}} end
local state = redis.call('HMGET', KEYS[2], 'n', 'ms', 'seq')
if tonumber(state[1] or 0) - tonumber(ARGV[2]) > {REMEMBERED} then return {{'stale'}} end
local ms, seq = tonumber(state[2] or 0), tonumber(state[3] or -1)
if tonumber(ARGV[3]) > ms then ms, seq = tonumber(ARGV[3]), -1 end
if ms >= tonumber(ARGV[4]) then return {{'late', ms}} end
local last = 5 + {2 + len(COUNTERS)} * tonumber(ARGV[5])
for at = 6, last, {2 + len(COUNTERS)} do
  if redis.call('HGET', KEYS[1], ARGV[at]) ~= ARGV[at + 1] then return {{'rows'}} end
end
for at = 6, last, {2 + len(COUNTERS)} do
  for k = 6, 7 do
    local sums = {{}}
    for sum in string.gmatch(redis.call('HGET', KEYS[k], ARGV[at + 1]) or '', '%d+') do
      sums[#sums + 1] = tonumber(sum)
    end
    for i = 1, {len(COUNTERS)} do sums[i] = (sums[i] or 0) + tonumber(ARGV[at + 1 + i]) end
    sums[7], sums[8] = sums[7] + math.floor(sums[8] / 1000000), sums[8] % 1000000
    for i = 1, {len(COUNTERS)} do sums[i] = string.format('%.0f', sums[i]) end
    redis.call('HSET', KEYS[k], ARGV[at + 1], '[' .. table.concat(sums, ',') .. ']')
  end
end
for at = last + 1, #ARGV do
  seq = seq + 1
  redis.call('XADD', KEYS[5], string.format('%.0f-%.0f', ms, seq), 'b', ARGV[at])
end
redis.call('HSET', KEYS[2], 'ms', string.format('%.0f', ms), 'seq', string.format('%.0f', seq))
redis.call('ZADD', KEYS[3], ms, ARGV[1])
return {{'new'}}
""",
)

# Where the tree is gone, so is the need for the flag.
FLAG = script(
    "ledger_flag",
    "tree",
    ("meta",),
    """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'booked', 1) end
return 1
""",
)

# ARGV: what is booked, and flagged where it can be.
SETTLE = script(
    "ledger_settle",
    "ledger",
    ("state", "pending", "done"),
    f"""
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
local n = redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('ZADD', KEYS[3], n, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', n - {REMEMBERED})
return 1
""",
)
