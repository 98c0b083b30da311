-- What a gateway asks when it connects. KEYS: clock, meta, filter, its bits. ARGV[1]: version of the data, whether the key is a check
-- value of a master key, version of the filter that is known, key.
local call, unpack, pack = redis.call, struct.unpack, struct.pack
local schema, check, known, key = unpack('>I4BI8c32', ARGV[1])

local function refuse(which)
    return pack('>c1I8I2', 'D', raw, which)
end

-- A Redis that throws out what it likes forgets what was shown to whom.
local memory = redis.pcall('INFO', 'memory')
if type(memory) == 'table' then
    return memory
end
local most, policy = string.match(memory, 'maxmemory:(%d+)'), string.match(memory, 'maxmemory_policy:(%a+)')
if most ~= '0' and policy ~= 'noeviction' then
    return refuse(5)
end

local had, field, made = call('HMGET', KEYS[2], 'schema', 'key', 'check'), check == 1 and 3 or 2, 0
if not had[1] and not had[2] and not had[3] then
    call('HSET', KEYS[2], 'schema', schema, check == 1 and 'check' or 'key', key)
    had, made = { schema, check == 0 and key, check == 1 and key }, 1
end
if tonumber(had[1]) ~= schema then
    return refuse(1)
elseif not had[field] then
    return refuse(check == 1 and 3 or 2)
elseif check == 1 and had[3] ~= key then
    return refuse(4)
elseif #had[field] ~= 32 then
    return redis.error_reply('WARDER the key of the store holds something else')
end

local clock = call('GET', KEYS[1])
local latest, ahead = unpack('>I8I8', clock or pack('>I8I8', raw, 0))
local now = raw + ahead
if now < latest then
    ahead, now = ahead + latest - now, latest
end
if now >= 9007199254740992 then
    return redis.error_reply('WARDER the clock key holds no time')
end
call('SET', KEYS[1], pack('>I8I8', now, ahead))

local version = tonumber(call('HGET', KEYS[3], 'version') or 0)
local told = ''
if version ~= known and known ~= 9007199254740991 then
    told = pack('>I4', tonumber(call('HGET', KEYS[3], 'words') or 0)) .. (call('GET', KEYS[4]) or '')
end
return pack('>c1I8I2B', 'K', now, 0, made) .. had[field] .. pack('>I8', version) .. told
