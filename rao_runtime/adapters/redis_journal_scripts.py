"""The journal's scripts. Each can be run again without harm: it finds its own trace and writes nothing twice."""

from rao_runtime.adapters.redis_scripts import script

# ARGV: born, then a field and a value for each first event. `born` is drawn anew for each call: found again, the tree
# was made by this call, whose reply was lost.
CREATE = script(
    "create",
    "tree",
    ("meta", "events"),
    """
local born = redis.call('HGET', KEYS[1], 'born')
if born then return born == ARGV[1] and 1 or 0 end
local n = (#ARGV - 1) / 2
redis.call('HSET', KEYS[1], 'born', ARGV[1], 'fence', 0, 'owner', '', 'seq', n)
for i = 1, n do
  redis.call('XADD', KEYS[2], i .. '-0', ARGV[2 * i], ARGV[2 * i + 1])
end
return 1
""",
)

# ARGV: the claim's token, drawn anew for each call. Returns fence, seq, born, and whether deltas are watched.
CLAIM = script(
    "claim",
    "tree",
    ("meta", "watch", "owner"),
    """
local meta = redis.call('HMGET', KEYS[1], 'fence', 'owner', 'seq', 'born')
if not meta[4] then return false end
local fence = tonumber(meta[1])
if meta[2] ~= ARGV[1] then
  fence = fence + 1
  redis.call('HSET', KEYS[1], 'fence', fence, 'owner', ARGV[1])
  redis.call('PUBLISH', KEYS[3], 'claimed ' .. fence)
end
return {fence, tonumber(meta[3]), meta[4], redis.call('EXISTS', KEYS[2])}
""",
)

# ARGV: born, fence, owner, the seq before the first event, seconds to keep an ended tree, then field and value of each
# event. Returns 0 where they are in the journal, else what is wrong, and at which seq the journal stands.
_ADD = """
local meta = redis.call('HMGET', KEYS[1], 'born', 'fence', 'owner', 'seq')
if not meta[1] then return {'gone', 0} end
local fence, seq, ours, expected = tonumber(meta[2]), tonumber(meta[4]), tonumber(ARGV[2]), tonumber(ARGV[4])
if meta[1] ~= ARGV[1] or fence > ours or (fence == ours and meta[3] ~= ARGV[3]) then return {'stale', seq} end
local n = (#ARGV - 5) / 2
if fence < ours then redis.call('HSET', KEYS[1], 'fence', ours, 'owner', ARGV[3]) end
if seq < expected then return {'behind', seq} end
if seq > expected then
  if n == 0 then return 0 end
  local first = string.format('%d-0', expected + 1)
  local found = redis.call('XRANGE', KEYS[2], first, first)
  if seq >= expected + n and found[1] and found[1][2][2] == ARGV[7] then return 0 end
  return {'conflict', seq}
end
if n == 0 then return 0 end
for i = 1, n do
  redis.call('XADD', KEYS[2], string.format('%d-0', seq + i), ARGV[4 + 2 * i], ARGV[5 + 2 * i])
end
redis.call('HSET', KEYS[1], 'seq', seq + n)
"""

APPEND = script(
    "append",
    "tree",
    ("meta", "events", "live"),
    f"""{_ADD}
redis.call('PUBLISH', KEYS[3], seq + n)
return 0
""",
)

# The same for a batch with the tree's last event.
APPEND_END = script(
    "append_end",
    "tree",
    ("meta", "events", "live", "blobs", "entry", "commands", "deltas", "watch"),
    f"""{_ADD}
redis.call('HSET', KEYS[1], 'ended', 1)
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('EXPIRE', KEYS[4], ARGV[5])
redis.call('EXPIRE', KEYS[5], ARGV[5])
redis.call('UNLINK', KEYS[6], KEYS[7], KEYS[8])
redis.call('PUBLISH', KEYS[3], seq + n)
return 0
""",
)

# Makes a tree anew that Redis has lost altogether, without events; its owner appends them. ARGV: born, fence, owner.
RESTORE = script(
    "restore",
    "tree",
    ("meta", "events"),
    """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'born', ARGV[1], 'fence', ARGV[2], 'owner', ARGV[3], 'seq', 0)
redis.call('UNLINK', KEYS[2])
return 1
""",
)

# Where a follower starts: the last seq, and the newest delta's id.
HEAD = script(
    "head",
    "tree",
    ("meta", "deltas"),
    """
local seq = redis.call('HGET', KEYS[1], 'seq')
if not seq then return false end
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
return {tonumber(seq), newest[1] and newest[1][1] or '0-0'}
""",
)

# ARGV: seconds. Says that somebody follows the deltas of a tree that has not ended.
WATCH = script(
    "watch",
    "tree",
    ("meta", "watch", "owner"),
    """
local meta = redis.call('HMGET', KEYS[1], 'born', 'ended')
if not meta[1] or meta[2] then return 0 end
redis.call('SET', KEYS[2], 1, 'EX', ARGV[1])
redis.call('PUBLISH', KEYS[3], 'watch')
return 1
""",
)

# ARGV: seconds to keep it, the command's own id, then its fields. An ended tree needs no commands. The last command's
# id is kept, so that one whose reply was lost is not left twice.
SEND = script(
    "send",
    "tree",
    ("meta", "commands", "owner"),
    """
local meta = redis.call('HMGET', KEYS[1], 'born', 'ended', 'sent')
if not meta[1] then return 0 end
if meta[2] or meta[3] == ARGV[2] then return 1 end
redis.call('HSET', KEYS[1], 'sent', ARGV[2])
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[2], ARGV[1])
redis.call('PUBLISH', KEYS[3], 'command')
return 1
""",
)

# ARGV: the owner's token, and the id of the command it has acted on, or ''. Returns the oldest command that is left.
NEXT_COMMAND = script(
    "next_command",
    "tree",
    ("meta", "commands"),
    """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return false end
if ARGV[2] ~= '' then redis.call('XDEL', KEYS[2], ARGV[2]) end
return redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
""",
)

DELETE = script(
    "delete",
    "tree",
    ("meta", "events", "commands", "deltas", "watch", "live", "owner"),
    """
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('PUBLISH', KEYS[6], 'gone')
redis.call('PUBLISH', KEYS[7], 'gone')
return 1
""",
)
