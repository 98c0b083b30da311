-- In the place of the clock of Redis: the last argument.
local raw = tonumber(table.remove(ARGV))
