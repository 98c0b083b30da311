-- All of it or nothing: the token as it was looked up, references that are the user's, values that no other provider holds, room under
-- every limit, the filter of named values as the gateway knows it.
-- KEYS: clock; as the flags say the filter, its changes, its bits, the tokens; then claims, values (the last of them only to be looked
-- at), references. ARGV: what is asked; kinds of the values, one byte each; digest of the token; its user and role; named values.
local _, flags, claims, values, probes, refs, version, keep, nonce, provider, user, p =
    unpack('>I8BI2I2I2I2I8I8c4c7c7', ARGV[1])
local at = 2

local filter, names = at, flags >= 16
if flags % 2 == 1 or names then
    at = at + (names and 3 or 2)
end
if flags % 4 >= 2 then
    local token = call('HGET', KEYS[at], ARGV[3])
    if not token or sub(token, 18) ~= ARGV[4] then
        return pack('>c1I8I2', 'U', now, 0)
    end
    local expires = unpack('>I8', token, 10)
    if expires ~= 0 and raw >= expires * 1000000 then
        return pack('>c1I8I2', 'X', now, 0)
    end
    at = at + 1
end

local first, held, told = at + claims, {}, {}
if values + refs > 0 then
    held = ledger_look(first, first + values + refs - 1)
    for i = 1, values + refs do
        told[i] = ledger_told(held[i], i <= values and provider or user)
    end
    for i = values + 1, values + refs do
        if sub(told[i], 1, 1) ~= '\1' then
            return pack('>c1I8I2', 'R', now, i - values - 1) .. table.concat(told)
        end
    end
    if flags % 8 < 4 then
        for i = 1, values do
            if sub(told[i], 1, 1) == '\2' then
                return pack('>c1I8I2', 'V', now, i - 1) .. table.concat(told)
            end
        end
    end
end

if flags % 16 >= 8 then
    claims_regroup(claims, at - 1, p)
end
local all, seen, without = {}, {}, false
for i = 1, claims do
    local key = KEYS[at + i - 1]
    if seen[key] then
        return redis.error_reply('WARDER the same limit twice')
    end
    seen[key] = true
    all[i] = claim_look(key, p + (i - 1) * CLAIM_BYTES)
    if not all[i].room then
        without = without or i
    end
end
if not without and flags % 2 == 1 then
    local have = tonumber(call('HGET', KEYS[filter], 'version') or 0)
    if have ~= version then
        -- what this request names is noted now: it does not make the filter another once more when all that wait come again
        if names then
            have = filter_note(ARGV[5], KEYS[filter], KEYS[filter + 1], KEYS[filter + 2])
        end
        return filter_changes(now, version, have, KEYS[filter + 1])
    end
end
if not without then
    for i = 1, claims do
        claim_take(all[i], nonce)
    end
    for i = 1, values - probes do
        ledger_take(KEYS[first + i - 1], held[i], provider, nonce, sub(ARGV[2], i, i), keep)
    end
    if names then
        filter_note(ARGV[5], KEYS[filter], KEYS[filter + 1], KEYS[filter + 2])
    end
end
local answer = { pack('>c1I8I2', without and 'N' or 'K', now, without and without - 1 or 0) }
for i = 1, claims do
    answer[i + 1] = claim_told(all[i])
end
return table.concat(answer) .. table.concat(told)
