-- A page of the tokens whose digest begins with a prefix, in the order of digests. KEYS: clock, tokens, their index. ARGV: prefix,
-- the digest after which to go on or '', how many.
local from = ARGV[2] == '' and '[d' .. ARGV[1] or '(d' .. ARGV[2]
local names = call('ZRANGEBYLEX', KEYS[3], from, '[d' .. ARGV[1] .. string.rep('\255', 33), 'LIMIT', 0, ARGV[3])
local told = {}
for i = 1, #names do
    local digest = sub(names[i], 2)
    local token = call('HGET', KEYS[2], digest)
    if token then
        told[#told + 1] = digest .. pack('>I2', #token) .. token
    end
end
return pack('>c1I8I2', 'K', 0, #names) .. table.concat(told)
