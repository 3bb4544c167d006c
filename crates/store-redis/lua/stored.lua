-- Every script begins with this. The time is the server's, so that nobody's own clock matters;
-- ARGV[1] is what tests add to it. Keys are named KEYS[n] wherever they are used: proxies in front
-- of a cluster look for that.
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[1])

local function text(number)
    return string.format("%.0f", number)
end

-- What is stored in KEYS[1]: its fields for an answer and its version, or what is wrong with it.
local function stored(answer)
    local field = redis.call("HMGET", KEYS[1], "form", "version", "written", "renew_in",
        "expires_in", "forget_at", "value", "write")
    if field[1] ~= "1" then
        if field[1] then
            return nil, nil, {"form", field[1]}
        elseif redis.call("EXISTS", KEYS[1]) == 1 then
            return nil, nil, {"broken"}
        end
        return {answer}, "0", nil
    end
    for at = 2, 6 do
        if not (field[at] and string.match(field[at], "^%d+$")) then
            return nil, nil, {"broken"}
        end
    end
    if not field[7] then
        return nil, nil, {"broken"}
    elseif tonumber(field[6]) <= now then
        return {answer}, "0", nil
    end
    local age = math.max(0, now - tonumber(field[3]))
    local function left(whole)
        return text(math.max(0, tonumber(whole) - age))
    end
    local record = {answer, field[2], text(age), left(field[4]), left(field[5]), field[7]}
    return record, field[2], nil, field[8]
end
