-- The answer to a gateway whose filter is of another version: the changes since, or that they are not all there.
local function filter_changes(time, version, have, key)
    local changes = {}
    if version < have and have - version <= 256 then
        changes = call('LRANGE', key, version - have, -1)
    end
    local all = #changes ~= have - version
    return pack('>c1I8I2I8B', 'S', time, 0, have, all and 1 or 0) .. (all and '' or table.concat(changes))
end

-- Notes named values, 5 bytes each: bit (4), words (1). Answers the version of the filter then.
local function filter_note(names, filter, changes, bits)
    -- a new filter goes on from the time, so that no version of one that was lost ever means another
    local had = call('HGET', filter, 'version')
    local version = tonumber(had or floor(now / 1000))
    local words, new = tonumber(call('HGET', filter, 'words') or 0), {}
    for at = 1, #names, 5 do
        local place, count = unpack('>I4B', names, at)
        local mask = bit.lshift(1, count)
        -- SETBIT counts from the highest bit of a byte, the gateways from the lowest
        local was = call('SETBIT', bits, bit.bxor(place, 7), 1)
        if was == 0 or bit.band(words, mask) == 0 then
            words = bit.bor(words, mask)
            new[#new + 1] = sub(names, at, at + 4)
        end
    end
    if #new == 0 and not had then
        return 0
    elseif #new > 0 then
        version = version + #new
        call('HSET', filter, 'version', string.format('%.0f', version), 'words', words)
        for i = 1, #new do
            call('RPUSH', changes, new[i])
        end
        call('LTRIM', changes, -256, -1)
    end
    return version
end
