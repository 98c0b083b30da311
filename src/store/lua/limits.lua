-- A counter is one of two things.
-- A list, for limits of up to 1,000 requests: an entry a request, oldest first: time (7 bytes), how long it is of use in seconds
-- (3), nonce (4), how many requests it stands for (3: one, or those that the list had no room for), group (2).
-- A string, for all else: 'S', window in seconds (3), group (2), newest slice (8), sum of the window (8), sum of the newest slice
-- (8), and the sums of the slices before it, slice k at k mod 65. A window touches 65 slices, which rounds against the caller.
-- Limits of one scope count the same over different windows; group is another number when their windows are others.
local ENTRY, EXACT, LOG, SLICES, RING, RING_AT, BYTES = '>I7I3c4I3I2', 1000, 1024, 64, 65, 31, 550
-- a claim of the request: count, window, amount, unit, group (of the first of its scope), number of the first of its scope
local CLAIM, CLAIM_BYTES = '>I8I4I8BI2I2', 25
local ZERO, MOST = '\0\0\0\0\0\0\0\0', 9007199254740991

local function slice_at(slice)
    return RING_AT + slice % RING * 8
end

local function slice_put(s, slice, n)
    local at = slice_at(slice)
    return sub(s, 1, at - 1) .. pack('>I8', n) .. sub(s, at + 8)
end

-- Window, newest slice, sums of the window and of the newest slice, group.
local function slices_read(s)
    if sub(s, 1, 1) ~= 'S' then
        error('WARDER a counter holds something else')
    end
    local window, group, newest, total, current = unpack('>I3I2I8I8I8', s, 2)
    return window, newest, total, current, group
end

local function slices_whole(key)
    local s = call('GET', key)
    if not s or #s ~= BYTES then
        error('WARDER a counter holds something else')
    end
    return s
end

-- Milliseconds: longer than it is of use by three slices, for it is set anew once a slice.
local function counter_ttl(window)
    return floor(window * 1000 + window * 3000 / SLICES) + 1000
end

local function slices_write(key, s, window, group, newest, total, current)
    call('SET', key, pack('>c1I3I2I8I8I8', 'S', window, group, newest, total, current) .. sub(s, RING_AT), 'PX', counter_ttl(window))
end

-- After a reload the limit may want the other kind, or other slices; or it is made anew out of another one of its scope. Rare, so
-- its functions are made here and not at each call.
local function counter_convert(key, log, window, other)
    local times, amounts, keep, group, from = {}, {}, window, 0, other or key

    -- what the counter of either kind holds: times and amounts, oldest first, and how long it is of use
    local function read()
        local entries = pcall('LRANGE', from, 0, -1)
        if not entries.err then
            for i = 1, #entries do
                local t, k, _, n, g = unpack(ENTRY, entries[i])
                times[i], amounts[i], group = t, n, g
                if k > keep then
                    keep = k
                end
            end
            return
        end
        local s = slices_whole(from)
        local w, newest, _, current, g = slices_read(s)
        for slice = newest - SLICES, newest do
            local n = slice == newest and current or unpack('>I8', s, slice_at(slice))
            if n > 0 then
                local last = (slice + 1) * w * 15625 - 1 -- its latest moment: against the caller
                times[#times + 1], amounts[#amounts + 1] = last < now and last or now, n
            end
        end
        keep, group = w > keep and w or keep, g
    end

    local function make_slices()
        local width = window * 15625
        local newest, s, total, current = floor(now / width), string.rep('\0', BYTES), 0, 0
        for i = 1, #times do
            local slice = floor(times[i] / width)
            if slice == newest then
                current = current + amounts[i]
            elseif slice >= newest - SLICES then
                s = slice_put(s, slice, unpack('>I8', s, slice_at(slice)) + amounts[i])
            end
            if slice >= newest - SLICES then
                total = total + amounts[i]
            end
        end
        slices_write(key, s, window, group, newest, total, current)
    end

    -- the newest 1,024 one by one, the others with the oldest of them
    local function make_log()
        local entries, room = {}, LOG
        for i = #times, 1, -1 do
            local n = amounts[i]
            while n > 0 and room > 0 do
                local weight = 1
                if room == 1 then
                    for k = 1, i - 1 do
                        n = n + amounts[k]
                    end
                    weight = n < 16777215 and n or 16777215
                end
                entries[room] = pack(ENTRY, times[i], keep, '\0\0\0\0', weight, group)
                room, n = room - 1, n - 1
            end
        end
        for i = room + 1, LOG do
            call('RPUSH', key, entries[i])
        end
        call('PEXPIRE', key, counter_ttl(keep))
    end

    read()
    if other then
        keep, group = window, 0
    end
    call('DEL', key)
    if log then
        make_log()
    else
        make_slices()
    end
end

-- The first entry that is less old than span; those before it are out of the window.
local function log_search(key, n, span)
    local low, high = 0, n
    while low < high do
        local mid = floor((low + high) / 2)
        if unpack('>I7', call('LINDEX', key, mid)) + span > now then
            high = mid
        else
            low = mid + 1
        end
    end
    return low
end

local function log_look(key, count, window, group)
    local span, drop = window * 1000000, 0
    local head = pcall('LRANGE', key, '0', '1')
    if head.err then
        counter_convert(key, true, window)
        head = call('LRANGE', key, '0', '1')
    end
    local last, kept, keep, useful = 0, 0, window, 0
    if #head > 0 then
        last, kept = unpack('>I7I3', call('LINDEX', key, '-1'))
        keep = kept > window and kept or window
        useful = now - keep * 1000000
        if last <= useful then
            call('DEL', key)
            head[1], last, keep = nil, 0, window
        end
    end
    if not head[1] then
        return { key = key, log = true, group = group, count = count, window = window, needs = 1, keep = window, kept = 0, n = 0, gone = 0, used = 0,
                 left = count, room = true, last = 0, first = false }
    end
    local n, first, _, _, weight = call('LLEN', key), unpack(ENTRY, head[1])
    if first <= useful then
        if unpack('>I7', head[2]) > useful then
            drop = 1
        else
            drop = log_search(key, n, keep * 1000000)
        end
        call('LPOP', key, drop)
        n = n - drop
        first, _, _, weight = unpack(ENTRY, drop == 1 and head[2] or call('LINDEX', key, '0'))
    end
    local gone, used = 0, n + weight - 1
    if first + span <= now then
        gone = log_search(key, n, span)
        used = n - gone
    end
    local left = used < count and count - used or 0
    return { key = key, log = true, group = group, count = count, window = window, needs = 1, keep = keep, kept = kept, n = n, gone = gone, used = used,
             left = left, room = left >= 1, last = last, first = first }
end

local function slices_look(key, count, window, needs, group)
    local slice = floor(now / (window * 15625))
    local head, s = pcall('GETRANGE', key, '0', '29'), false -- s: the whole, when it is known
    local w, newest, total, current, had
    if head == '' then
        s, w, newest, total, current, had = string.rep('\0', BYTES), window, slice, 0, 0, group
    elseif type(head) == 'string' then
        w, newest, total, current, had = slices_read(head)
    end
    if w ~= window then
        counter_convert(key, false, window)
        w, newest, total, current, had = slices_read(slices_whole(key))
    end
    if had ~= group then
        call('SETRANGE', key, '4', pack('>I2', group))
    end
    if slice > newest then
        if slice - newest > SLICES then
            s, total = string.rep('\0', BYTES), 0
        else
            s = slices_whole(key)
            if current > 0 then
                s = slice_put(s, newest, current)
            end
            for old = newest - SLICES, slice - RING do
                local at = slice_at(old)
                if sub(s, at, at + 7) ~= ZERO then
                    total = total - unpack('>I8', s, at)
                    s = slice_put(s, old, 0)
                end
            end
        end
        newest, current = slice, 0
    end
    local left = total < count and count - total or 0
    return { key = key, log = false, group = group, count = count, window = window, needs = needs, s = s, newest = newest, used = total,
             current = current, left = left, room = needs <= left }
end

-- When there is room for one more like it, with `used` in the window.
local function claim_free_at(c, used, taken)
    local most = c.count - c.needs
    if most < 0 then
        return now + c.window * 1000000
    end
    if c.log then
        local i = c.gone + used - c.count
        if i < c.n and i > c.gone then
            return unpack('>I7', call('LINDEX', c.key, i)) + c.window * 1000000
        elseif c.n > c.gone and i < c.n then
            return (c.gone == 0 and c.first or unpack('>I7', call('LINDEX', c.key, c.gone))) + c.window * 1000000
        end
        return now + c.window * 1000000
    end
    local oldest, s = c.newest - SLICES, c.s or slices_whole(c.key)
    while oldest < c.newest do
        local at = slice_at(oldest)
        if sub(s, at, at + 7) ~= ZERO then
            used = used - unpack('>I8', s, at)
            if used <= most then
                break
            end
        end
        oldest = oldest + 1
    end
    return (oldest + RING) * c.window * 15625
end

-- Reads a claim of the request from ARGV[1] at p; it says no when there is no room, and what is left in either case.
local function claim_look(key, p)
    local count, window, amount, unit, group = unpack(CLAIM, ARGV[1], p)
    if unit ~= 0 then
        return slices_look(key, count, window, amount, group)
    elseif count > EXACT then
        return slices_look(key, count, window, 1, group)
    end
    return log_look(key, count, window, group)
end

local function claim_take(c, nonce)
    if c.log then
        if c.n >= LOG then -- kept for a longer window than the one asked for: its oldest two become one
            local _, _, _, weight = unpack(ENTRY, call('LPOP', c.key))
            local t, k, by, n, group = unpack(ENTRY, call('LINDEX', c.key, 0))
            n = n + weight
            call('LSET', c.key, 0, pack(ENTRY, t, k, by, n < 16777215 and n or 16777215, group))
            c.n = c.n - 1
            c.gone = c.gone > 0 and c.gone - 1 or 0
        end
        call('RPUSH', c.key, pack(ENTRY, now, c.keep, nonce, 1, c.group))
        local slice = c.keep * 15625
        if now - now % slice ~= c.last - c.last % slice or c.kept ~= c.keep then
            call('PEXPIRE', c.key, counter_ttl(c.keep))
        end
        c.n = c.n + 1
        c.first = c.first or now
    else
        c.current = c.current + c.needs
        if c.s then
            slices_write(c.key, c.s, c.window, c.group, c.newest, c.used + c.needs, c.current)
        else
            call('SETRANGE', c.key, '14', pack('>I8I8', c.used + c.needs, c.current))
        end
    end
    c.used = c.used + c.needs
    c.left = c.left - c.needs
end

local function claim_told(c)
    local reset = c.left < c.needs and claim_free_at(c, c.used) - now or 0
    return pack('>I8I8', c.left, reset > 0 and reset or 0)
end
