-- Notes named values in the filter. KEYS: clock, filter, its changes, its bits. ARGV: version that is known; changes, 5 bytes each:
-- bit (4), words (1).
local known, version = unpack('>I8', ARGV[1]), tonumber(call('HGET', KEYS[2], 'version') or 0)
local words, new = tonumber(call('HGET', KEYS[2], 'words') or 0), {}
for at = 1, #ARGV[2], 5 do
    local place, count = unpack('>I4B', ARGV[2], at)
    local mask = bit.lshift(1, count)
    -- SETBIT counts from the highest bit of a byte, the gateways from the lowest
    local had = call('SETBIT', KEYS[4], bit.bxor(place, 7), 1)
    if had == 0 or bit.band(words, mask) == 0 then
        words = bit.bor(words, mask)
        new[#new + 1] = sub(ARGV[2], at, at + 4)
    end
end
if #new > 0 then
    version = version + #new
    call('HSET', KEYS[2], 'version', string.format('%.0f', version), 'words', words)
    call('RPUSH', KEYS[3], spread(new))
    call('LTRIM', KEYS[3], -256, -1)
end
return filter_changes(0, known, version, KEYS[3])
