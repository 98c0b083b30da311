-- The one clock of all gateways: that of Redis, in microseconds.
local time = redis.call('TIME')
local raw = time[1] * 1000000 + time[2]
