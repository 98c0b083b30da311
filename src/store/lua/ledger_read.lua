-- KEYS: clock, entries. Of each 16 bytes: holder (7), kind (1), milliseconds to live (8); zeros when it is gone.
local held, told = ledger_look(2, #KEYS), {}
for i = 1, #held do
    local left = held[i] and call('PTTL', KEYS[1 + i]) or 0
    if left > 0 then
        told[i] = sub(held[i], 1, 7) .. sub(held[i], 12) .. pack('>I8', left)
    else
        told[i] = string.rep('\0', 16)
    end
end
return pack('>c1I8I2', 'K', 0, #held) .. table.concat(told)
