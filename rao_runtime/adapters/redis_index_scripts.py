"""The index's scripts. Each can be run again without harm, early or late: it finds what it did and leaves it so."""

from rao_runtime.adapters.redis_scripts import script
from rao_runtime.core.transitions import Status

STATUSES = tuple(status.value for status in Status)

# A tenant's lists, by creation: all its trees, and those of each status. Their order is the scripts' KEYS.
ALL = "all"
LISTS = (ALL, *(f"s:{status}" for status in STATUSES))

# ARGV: tree_id, fingerprint, the call's token, now, seconds a key is kept, seconds until Redis drops it in any case.
# Returns whose the key is: tree_id, fingerprint, token.
CLAIM_KEY = script(
    "index_claim_key",
    "idempotency",
    ("",),
    """
local held = redis.call('HMGET', KEYS[1], 'tree_id', 'fingerprint', 'call', 'at')
if held[1] and tonumber(held[4]) > tonumber(ARGV[4]) - tonumber(ARGV[5]) then return {held[1], held[2], held[3]} end
redis.call('HSET', KEYS[1], 'tree_id', ARGV[1], 'fingerprint', ARGV[2], 'call', ARGV[3], 'at', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[6])
return {ARGV[1], ARGV[2], ARGV[3]}
""",
)

# ARGV: tree_id. The key may be a later tree's by now.
FREE_KEY = script(
    "index_free_key",
    "idempotency",
    ("",),
    """
if redis.call('HGET', KEYS[1], 'tree_id') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
""",
)

# ARGV: tenant, status, created_at, key. Returns status, created_at, and 1 where the tree may not be listed yet.
ENTER = script(
    "index_enter",
    "tree",
    ("entry",),
    """
local held = redis.call('HMGET', KEYS[1], 'status', 'created_at', 'unlisted', 'gone')
if held[1] and not held[4] then return {held[1], held[2], held[3] and 1 or 0} end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'tenant', ARGV[1], 'status', ARGV[2], 'created_at', ARGV[3], 'key', ARGV[4], 'unlisted', 1)
return {ARGV[2], ARGV[3], 1}
""",
)

# ARGV: status, the time of the end or '', nodes. An end is final. Returns 0 where there is no such entry.
SET_STATUS = script(
    "index_set_status",
    "tree",
    ("entry",),
    """
local held = redis.call('HMGET', KEYS[1], 'created_at', 'ended_at', 'gone')
if not held[1] or held[3] then return 0 end
if held[2] then return 1 end
redis.call('HSET', KEYS[1], 'status', ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'ended_at', ARGV[2], 'nodes', ARGV[3]) end
return 1
""",
)

# ARGV: seconds until Redis drops the rest in any case. From here on there is no entry; returns its tenant and key.
RETIRE = script(
    "index_retire",
    "tree",
    ("entry",),
    """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
redis.call('HSET', KEYS[1], 'gone', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return redis.call('HMGET', KEYS[1], 'tenant', 'key')
""",
)

ERASE = script(
    "index_erase",
    "tree",
    ("entry",),
    """
if redis.call('HEXISTS', KEYS[1], 'gone') == 1 then redis.call('DEL', KEYS[1]) end
return 1
""",
)

# ARGV: tree_id, created_at, which of the lists. A tree that is listed already may stand elsewhere by now.
LIST = script(
    "index_list",
    "tenant",
    LISTS,
    """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[tonumber(ARGV[3])], ARGV[2], ARGV[1])
return 1
""",
)

# ARGV as for LIST.
MOVE = script(
    "index_move",
    "tenant",
    LISTS,
    """
local to = tonumber(ARGV[3])
for i = 2, #KEYS do
  if i ~= to then redis.call('ZREM', KEYS[i], ARGV[1]) end
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[to], ARGV[2], ARGV[1])
return 1
""",
)

# ARGV: tree_id, and the created_at it must be listed with, or ''.
UNLIST = script(
    "index_unlist",
    "tenant",
    LISTS,
    """
local listed = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[2] ~= '' and not (listed and tonumber(listed) == tonumber(ARGV[2])) then return 0 end
for i = 1, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
return 1
""",
)

# ARGV: tree_id, created_at. A late one must not bring back to life what has ended.
ACTIVATE = script(
    "index_activate",
    "index",
    ("active", "ended"),
    """
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1]) end
return 1
""",
)

# ARGV: tree_id, ended_at, nodes.
END = script(
    "index_end",
    "index",
    ("active", "ended", "nodes", "node_sum"),
    """
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('ZADD', KEYS[2], 'NX', ARGV[2], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
  redis.call('INCRBY', KEYS[4], ARGV[3])
end
return 1
""",
)

# ARGV: tree_id.
FORGET = script(
    "index_forget",
    "index",
    ("active", "ended", "nodes", "node_sum"),
    """
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('ZREM', KEYS[2], ARGV[1]) == 1 then
  redis.call('DECRBY', KEYS[4], redis.call('HGET', KEYS[3], ARGV[1]) or 0)
  redis.call('HDEL', KEYS[3], ARGV[1])
  if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('DEL', KEYS[4]) end
end
return 1
""",
)

# ARGV: first and last place. Returns how many trees have ended, their nodes, then id, end and nodes of each place.
OLDEST_ENDS = script(
    "index_oldest_ends",
    "index",
    ("ended", "nodes", "node_sum"),
    """
local reply = {redis.call('ZCARD', KEYS[1]), tonumber(redis.call('GET', KEYS[3]) or 0)}
local found = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES')
for i = 1, #found, 2 do
  reply[#reply + 1] = {found[i], found[i + 1], redis.call('HGET', KEYS[2], found[i]) or '0'}
end
return reply
""",
)
