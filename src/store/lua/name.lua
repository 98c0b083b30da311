-- Notes named values in the filter. KEYS: clock, filter, its changes, its bits. ARGV: version that is known; the values.
local known = unpack('>I8', ARGV[1])
return filter_changes(0, known, filter_note(ARGV[2], KEYS[2], KEYS[3], KEYS[4]), KEYS[3])
