-- KEYS: record, lock. ARGV: offset, holder, lease.
local held = redis.call("GET", KEYS[2])
if held then
    local holder, till = string.match(held, "^(%d+) (%d+)$")
    if not holder then
        return {"broken"}
    elseif holder ~= ARGV[2] and tonumber(till) > now then
        return {"busy"}
    end
end
local record, _, wrong = stored("locked")
if wrong then
    return wrong
end
redis.call("SET", KEYS[2], ARGV[2] .. " " .. text(now + tonumber(ARGV[3])), "PX", ARGV[3])
return record
