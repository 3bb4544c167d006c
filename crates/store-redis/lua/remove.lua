-- KEYS: record, index, due. ARGV: offset, expected version or "", name.
if ARGV[2] ~= "" then
    local _, version, wrong = stored("record")
    if wrong then
        return wrong
    elseif version ~= ARGV[2] then
        return {"done"}
    end
end
redis.call("DEL", KEYS[1])
redis.call("ZREM", KEYS[2], ARGV[3])
redis.call("ZREM", KEYS[3], ARGV[3])
return {"done"}
