-- Tokens are revoked. KEYS: clock, tokens, their index. ARGV: 'd' and a digest, or 'u' and a user: up to 500 of his.
local names = { ARGV[2] }
if ARGV[1] == 'u' then
    local prefix = 'u' .. ARGV[2] .. '\0'
    names = call('ZRANGEBYLEX', KEYS[3], '[' .. prefix, '(u' .. ARGV[2] .. '\1', 'LIMIT', 0, 500)
    for i = 1, #names do
        names[i] = sub(names[i], #prefix + 1)
    end
end
local count = 0
for i = 1, #names do
    local token = call('HGET', KEYS[2], names[i])
    if token then
        call('HDEL', KEYS[2], names[i])
        count = count + 1
        if #token > 18 then
            call('ZREM', KEYS[3], 'u' .. sub(token, 19, 18 + string.byte(token, 18)) .. '\0' .. names[i])
        end
    end
    call('ZREM', KEYS[3], 'd' .. names[i])
    if ARGV[1] == 'u' then
        call('ZREM', KEYS[3], 'u' .. ARGV[2] .. '\0' .. names[i])
    end
end
return pack('>c1I8I2', 'K', 0, count)
