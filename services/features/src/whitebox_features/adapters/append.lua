-- Adds events to one entity's log, atomically and effectively once.
--
-- KEYS[1]  the log: a header record, then records ordered by (time, digest); see entity_log.py
-- ARGV[1]  width of a record in bytes
-- ARGV[2]  time before which events may leave (microseconds); the newest of them stays, it may be somebody's `last`
-- ARGV[3]  most events to keep
-- ARGV[4]  milliseconds after which an untouched log disappears
-- ARGV[5]  new records, in order, each once
--
-- Returns how many records were added. A record that the log holds already changes nothing, so the same batch may come
-- again after a crash. Leaving is amortised: an eighth of the log goes at once, or nothing does.
local key = KEYS[1]
local width = tonumber(ARGV[1])
local cutoff = tonumber(ARGV[2])
local most = tonumber(ARGV[3])
local lifetime = ARGV[4]
local incoming = ARGV[5]

local NEVER = '\0\0\0\0\0\0\0\128'

local function time_at(log, index) -- index 0 is the header
  return (struct.unpack('<i8', log, index * width + 1))
end

-- -1, 0 or 1 as the record in `a` comes before, equals or comes after the one in `b`. Digests are compared byte by byte:
-- Lua's own string order depends on the locale.
local function compare(a, i, b, j)
  local ta, tb = time_at(a, i), time_at(b, j)
  if ta ~= tb then return ta < tb and -1 or 1 end
  for offset = 9, 24 do
    local x, y = string.byte(a, i * width + offset), string.byte(b, j * width + offset)
    if x ~= y then return x < y and -1 or 1 end
  end
  return 0
end

-- First index in [low, high) whose record is not before incoming record j.
local function position(log, low, high, j)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if compare(log, middle, incoming, j) < 0 then low = middle + 1 else high = middle end
  end
  return low
end

local arriving = #incoming / width
local length = redis.call('STRLEN', key)
local total, added

if length == 0 then
  redis.call('SET', key, NEVER .. string.rep('\0', width - 8) .. incoming)
  total, added = arriving, arriving
else
  total = length / width - 1
  local newest = redis.call('GETRANGE', key, -width, -1)
  if compare(newest, 0, incoming, 0) < 0 then -- everything is newer, as it nearly always is
    redis.call('APPEND', key, incoming)
    total, added = total + arriving, arriving
  else
    local log = redis.call('GET', key)
    local complete_since = time_at(log, 0)
    local pieces, taken = {}, 1 -- `taken` counts the header and the records already copied into pieces
    pieces[1] = string.sub(log, 1, width)
    added = 0
    for j = 0, arriving - 1 do
      local at = position(log, taken, total + 1, j)
      local known = at <= total and compare(log, at, incoming, j) == 0
      local time = time_at(incoming, j)
      -- Too old for every window, and not the newest of its kind either: it would leave with the next trim.
      local useless = at <= total and time_at(log, at) < cutoff
      if not known and not useless and time > complete_since then
        pieces[#pieces + 1] = string.sub(log, taken * width + 1, at * width)
        pieces[#pieces + 1] = string.sub(incoming, j * width + 1, (j + 1) * width)
        taken = at
        added = added + 1
      end
    end
    if added > 0 then
      pieces[#pieces + 1] = string.sub(log, taken * width + 1)
      redis.call('SET', key, table.concat(pieces))
      total = total + added
    end
  end
end

local slack = math.floor(total / 8)
local probe = redis.call('GETRANGE', key, (slack + 2) * width, (slack + 2) * width + 7)
local outdated = #probe == 8 and struct.unpack('<i8', probe) < cutoff
if outdated or total > most + math.floor(most / 8) then
  local log = redis.call('GET', key)
  local low, high = 1, total + 1 -- first index at or after the cutoff
  while low < high do
    local middle = math.floor((low + high) / 2)
    if time_at(log, middle) < cutoff then low = middle + 1 else high = middle end
  end
  local first = math.max(low - 1, 1)
  local header = string.sub(log, 1, width)
  if total - first + 1 > most then
    first = total - most + 1
    header = string.sub(log, (first - 1) * width + 1, (first - 1) * width + 8) .. string.rep('\0', width - 8)
  end
  redis.call('SET', key, header .. string.sub(log, first * width + 1))
end
redis.call('PEXPIRE', key, lifetime)
return added
