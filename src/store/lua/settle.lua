-- What was used takes the place of what was reserved, or all is given back; in time or late, but once.
-- KEYS: clock, the mark of this settlement, claims, values. ARGV: what is asked.
local back, claims, values, nonce, p = unpack('>BI2I2c4', ARGV[1])

local function settle_log(key, taken)
    local n = call('LLEN', key)
    for from = n - 16, -15, -16 do
        local entries = call('LRANGE', key, from > 0 and from or 0, from + 15)
        for i = #entries, 1, -1 do
            local t, _, by = unpack(ENTRY, entries[i])
            if t == taken and by == nonce then
                call('LREM', key, -1, entries[i])
                return
            elseif t < taken then
                return
            end
        end
    end
end

local function settle_slices(key, s, taken, delta)
    local window, newest, total, current = slices_read(s)
    local slice = floor(taken / (window * 15625))
    if slice > newest or slice < newest - SLICES then
        return
    end
    local at = slice_at(slice)
    local n = slice == newest and current or unpack('>I8', s, at)
    local made = n + delta
    made = made < 0 and 0 or made > MOST and MOST or made
    total = total + made - n
    total = total < made and made or total > MOST and MOST or total
    if slice == newest then
        call('SETRANGE', key, '14', pack('>I8I8', total, made))
    else
        call('SETRANGE', key, at - 1, pack('>I8', made))
        call('SETRANGE', key, '14', pack('>I8', total))
    end
end

local strings = {}
for i = 1, claims do
    local key = KEYS[2 + i]
    local s = pcall('GET', key)
    if type(s) == 'table' then
        if back == 1 then
            local taken = unpack('>I8', ARGV[1], p + (i - 1) * 25)
            settle_log(key, taken)
        end
    elseif s then
        strings[#strings + 1] = { i, key, s }
    end
end
if values > 0 then
    local entries, free = call('MGET', spread(KEYS, 3 + claims, 2 + claims + values)), {}
    for i = 1, values do
        if entries[i] and sub(entries[i], 8, 11) == nonce then
            free[#free + 1] = KEYS[2 + claims + i]
        end
    end
    if #free > 0 then
        call('DEL', spread(free))
    end
end
if #strings > 0 and call('SET', KEYS[2], '', 'NX', 'PX', 60000) then
    for i = 1, #strings do
        local which, key, s = spread(strings[i])
        local taken, amount, used, unit = unpack('>I8I8I8B', ARGV[1], p + (which - 1) * 25)
        local now_used = back == 1 and 0 or used
        if unit == 0 then
            amount, now_used = 1, back == 1 and 0 or 1
        end
        if now_used ~= amount then
            settle_slices(key, s, taken, now_used - amount)
        end
    end
end
return pack('>c1I8I2', 'K', 0, 0)
