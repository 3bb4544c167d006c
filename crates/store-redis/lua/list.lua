-- KEYS: index, due. ARGV: offset, the name to begin after or "", limit.
local limit = tonumber(ARGV[3])
local from = "-"
if ARGV[2] ~= "" then
    from = "(" .. ARGV[2]
end
local found = {"keys"}
repeat
    local page = redis.call("ZRANGEBYLEX", KEYS[1], from, "+", "LIMIT", 0, ARGV[3])
    for _, name in ipairs(page) do
        from = "(" .. name
        local till = redis.call("ZSCORE", KEYS[2], name)
        if till and tonumber(till) > now and #found <= limit then
            table.insert(found, name)
        end
    end
until #page < limit or #found > limit
return found
