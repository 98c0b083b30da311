-- KEYS: clock, tokens, their index. ARGV: digest, what it stands for. Index: 'd' digest; 'u' user 0 digest.
local had = call('HGET', KEYS[2], ARGV[1])
if had and had ~= ARGV[2] then
    return pack('>c1I8I2', 'X', 0, 0)
end
local user = unpack('>Bc0', ARGV[2], 18)
call('HSET', KEYS[2], ARGV[1], ARGV[2])
call('ZADD', KEYS[3], 0, 'd' .. ARGV[1], 0, 'u' .. user .. '\0' .. ARGV[1])
return pack('>c1I8I2', 'K', 0, had and 0 or 1)
