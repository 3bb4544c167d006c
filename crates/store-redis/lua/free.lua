-- Frees the lock in KEYS[2] if this holder has it.
local function free(holder)
    local held = redis.call("GET", KEYS[2])
    if held and string.match(held, "^(%d+) ") == holder then
        redis.call("DEL", KEYS[2])
    end
end
