-- KEYS: record, lock, index, due, counter.
-- ARGV: offset, expected version, value, renew_in, expires_in, keep, holder or "", name, write.
local record, version, wrong, write = stored("stale")
if wrong then
    return wrong
elseif write == ARGV[9] then
    -- This very write was carried out before, and its answer was lost.
    free(ARGV[7])
    return {"written", version}
elseif version ~= ARGV[2] then
    return record
end
-- What fails, fails before the record is touched: a server without memory refuses the first of
-- these, and a key of another type stands before the record's own.
local counted = tonumber(redis.call("GET", KEYS[5]) or "0") or 0
local new = text(math.max(counted + 1, tonumber(version) + 1, now))
local keep = tonumber(ARGV[6])
local held = redis.call("GET", KEYS[2])
redis.call("SET", KEYS[5], new)
redis.call("ZADD", KEYS[3], 0, ARGV[8])
redis.call("ZADD", KEYS[4], text(now + keep), ARGV[8])
redis.call("HSET", KEYS[1], "form", "1", "version", new, "written", text(now), "renew_in", ARGV[4],
    "expires_in", ARGV[5], "forget_at", text(now + keep), "value", ARGV[3], "write", ARGV[9])
redis.call("PEXPIRE", KEYS[1], ARGV[6])
-- The lists live as long as what they list.
if redis.call("PTTL", KEYS[3]) < keep then
    redis.call("PEXPIRE", KEYS[3], ARGV[6])
end
if redis.call("PTTL", KEYS[4]) < keep then
    redis.call("PEXPIRE", KEYS[4], ARGV[6])
end
-- A few of those that are over, so that no write pays for many.
for _, name in ipairs(redis.call("ZRANGEBYSCORE", KEYS[4], "-inf", text(now), "LIMIT", 0, 8)) do
    redis.call("ZREM", KEYS[3], name)
    redis.call("ZREM", KEYS[4], name)
end
if held then
    free(ARGV[7])
end
return {"written", new}
