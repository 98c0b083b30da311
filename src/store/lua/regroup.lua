-- Limits of one scope whose windows are not those that its counters were last made for: each is made anew out of the first, which has
-- the longest window, so that no change of the policy forgets what was used. The claims begin in KEYS after at, in ARGV[1] at p.
local function claims_regroup(claims, at, p)
    local function group_of(key)
        local last = pcall('LINDEX', key, -1)
        if not last then
            return false
        elseif type(last) == 'string' then
            return (unpack('>I2', last, 18))
        end
        local _, _, _, _, group = slices_read(slices_whole(key))
        return group
    end

    local function mark(key, group)
        local last = pcall('LINDEX', key, -1)
        if type(last) == 'string' then
            call('LSET', key, -1, sub(last, 1, 17) .. pack('>I2', group))
        else
            call('SETRANGE', key, '4', pack('>I2', group))
        end
    end

    for i = 1, claims do
        local _, _, _, _, group, first = unpack(CLAIM, ARGV[1], p + (i - 1) * CLAIM_BYTES)
        if group ~= 0 and first == i then
            local had = group_of(KEYS[at + i])
            if had and had ~= group then
                for k = 1, claims do
                    local count, window, _, unit, _, with = unpack(CLAIM, ARGV[1], p + (k - 1) * CLAIM_BYTES)
                    if with == i and k ~= i then
                        counter_convert(KEYS[at + k], unit == 0 and count <= EXACT, window, KEYS[at + i])
                    end
                end
                mark(KEYS[at + i], group)
            end
        end
    end
end
