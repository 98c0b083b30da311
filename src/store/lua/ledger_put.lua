-- Entries as they come from elsewhere. KEYS: clock, entries. ARGV[1]: 16 bytes each: holder (7), kind (1), milliseconds to live (8).
local held, told = ledger_look(2, #KEYS), {}
for i = 1, #held do
    local at = (i - 1) * 16 + 1
    local holder, kind, keep = unpack('>c7c1I8', ARGV[1], at)
    told[i] = ledger_told(held[i], holder)
    ledger_take(KEYS[1 + i], held[i], holder, '\0\0\0\0', kind, keep)
end
return pack('>c1I8I2', 'K', 0, #held) .. table.concat(told)
