-- References that a provider gave out become the user's. KEYS: clock, references. ARGV: what is asked; kinds, one byte each.
local _, refs, keep, nonce, user = unpack('>I8I2I8c4c7', ARGV[1])
local held, told = ledger_look(2, 1 + refs), {}
for i = 1, refs do
    told[i] = ledger_told(held[i], user)
    ledger_take(KEYS[1 + i], held[i], user, nonce, sub(ARGV[2], i, i), keep)
end
return pack('>c1I8I2', 'K', now, 0) .. table.concat(told)
