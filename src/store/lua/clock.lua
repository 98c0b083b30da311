-- KEYS[1] holds the latest time that a script saw, and how far the time of the counters is ahead of the clock. The clock may be
-- set back: then the distance grows, the counters' time goes on from where it was, at its usual pace, and nothing is forgotten
-- early. Answers tell the time (0: they do not) only when it was written down. It needs no healing after a clock
-- that was far ahead either: what was counted then is out of its window a window later.
local spread = unpack
local call, pcall, unpack, pack = redis.call, redis.pcall, struct.unpack, struct.pack
local sub, floor = string.sub, math.floor

local clock = call('GET', KEYS[1])
if not clock then
    return pack('>c1I8I2', 'E', 0, 0)
end
local latest, ahead = unpack('>I8I8', clock)
local now = raw + ahead
if now < latest then
    ahead, now = ahead + latest - now, latest
end
if now >= 9007199254740992 then
    return redis.error_reply('WARDER the clock key holds no time')
end
