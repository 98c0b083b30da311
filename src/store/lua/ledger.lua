-- An entry of the ledger: holder (7 bytes), nonce of the taker (4; zeros: of several), kind (1). Redis lets it expire. Twelve
-- bytes are what fits beside an object's head into 32.
local ENTRY_BYTES = 12

-- The entries of KEYS[from] to KEYS[to]; false where there is none. MGET passes over what is no string: that must not read as
-- nobody's.
local function ledger_look(from, to)
    local entries, missing = call('MGET', spread(KEYS, from, to)), {}
    for i = 1, #entries do
        if not entries[i] then
            missing[#missing + 1] = KEYS[from + i - 1]
        elseif #entries[i] ~= ENTRY_BYTES then
            error('WARDER an entry of the ledger holds something else')
        end
    end
    if #missing > 0 and call('EXISTS', spread(missing)) > 0 then
        error('WARDER an entry of the ledger holds something else')
    end
    return entries
end

local function ledger_told(entry, holder)
    if not entry then
        return '\0\0\0\0\0\0\0\0'
    end
    local owner = sub(entry, 1, 7)
    return (owner == holder and '\1' or '\2') .. owner
end

-- Holder takes it, or keeps it for longer; what several have taken is nobody's to give back. What is another's is left.
local function ledger_take(key, entry, holder, nonce, kind, keep)
    if not entry then
        call('SET', key, holder .. nonce .. kind, 'PX', keep)
    elseif sub(entry, 1, 7) == holder then
        local taker = sub(entry, 8, 11)
        if taker ~= nonce and taker ~= '\0\0\0\0' then
            call('SET', key, holder .. '\0\0\0\0' .. sub(entry, 12), 'KEEPTTL')
        end
        call('PEXPIRE', key, keep, 'GT')
    end
end
