-- An address's requests are counted, the token is looked up, an unknown one counts against its address.
-- KEYS: clock, then as the flags say: address, failed, tokens. ARGV: what is asked; the digest of the token.
local flags = unpack('B', ARGV[1], 9)
local at, p, told = 2, 10, ''

if flags % 2 == 1 then
    local c = claim_look(KEYS[at], p)
    if not c.room then
        return pack('>c1I8I2', 'A', now, 0) .. claim_told(c)
    end
    claim_take(c, '\0\0\0\0')
    told = claim_told(c)
    at = at + 1
end
p = p + CLAIM_BYTES

if flags < 2 then
    return pack('>c1I8I2', 'K', now, 0) .. told
end
local status, token = 'U', false
if flags >= 4 then
    token = call('HGET', KEYS[#KEYS], ARGV[2])
end
if token then
    local expires = unpack('>I8', token, 10)
    if expires == 0 or raw < expires * 1000000 then
        return pack('>c1I8I2', 'K', now, 0) .. told .. token
    end
    status = 'X'
end
if flags % 4 >= 2 then
    local c = claim_look(KEYS[at], p)
    if c.room then
        claim_take(c, '\0\0\0\0')
    else
        status = 'F'
    end
    told = told .. claim_told(c)
end
return pack('>c1I8I2', status, now, 0) .. told
