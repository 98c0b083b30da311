-- The answer to a gateway whose filter is of another version: the changes since, or that they are not all there.
local function filter_changes(time, version, have, key)
    local changes = {}
    if version < have and have - version <= 256 then
        changes = call('LRANGE', key, version - have, -1)
    end
    local all = #changes ~= have - version
    return pack('>c1I8I2I8B', 'S', time, 0, have, all and 1 or 0) .. (all and '' or table.concat(changes))
end
