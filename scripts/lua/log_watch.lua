--- New bytes of a file since the last run, across one rotation: PATH.1 to its end, then PATH. A line that is not
--- complete is one of the file that the new state names.
local function read_new(ctx, path, state, max)
  local function inode(file)
    local shown = ctx.exec { "stat", "-c", "%i %s", "--", file, timeout = 5 }
    if shown.error then ctx.fail { code = "unsupported", message = "stat: " .. shown.error } end
    if shown.exit_code ~= 0 then return nil end
    local i, size = shown.stdout:match("^(%d+) (%d+)")
    return i, tonumber(size)
  end
  local function from(file, offset, count)
    if count <= 0 then return "" end
    return ctx.exec { "sh", "-c", 'tail -c "+$1" -- "$2" | head -c "$3"', "sh", tostring(offset + 1), file, tostring(count),
      timeout = 10 }.stdout
  end
  local id, size = inode(path)
  if not id then ctx.fail { code = "not-found", message = path .. " cannot be read" } end
  if not state then return "", { inode = id, offset = size } end
  local text, offset = "", state.offset
  if state.inode ~= id then
    local old, old_size = inode(path .. ".1")
    if old == state.inode then
      text = from(path .. ".1", offset, math.min(old_size - offset, max))
      if text ~= "" and offset + #text < old_size then return text, { inode = old, offset = offset + #text } end
      if text:find("[^\n]$") then text = text .. "\n" end -- nobody goes on with it
    end
    offset = 0
  elseif size < offset then
    offset = 0 -- truncated in place
  end
  local chunk = from(path, offset, math.min(size - offset, max - #text))
  return text .. chunk, { inode = id, offset = offset + #chunk }
end

--- A kv key of its own for each path, with its end for people (FNV-1a).
local function key_of(path)
  local hash = 0xcbf29ce484222325
  for i = 1, #path do hash = (hash ~ path:byte(i)) * 0x100000001b3 end
  return ("at.%016x."):format(hash) .. path:gsub("[^%w.-]", "_"):sub(-80)
end

return skep.task {
  name = "log_watch", version = "1.0.0", description = "find new lines of a log file that look bad",
  params = {
    path = { type = "string", pattern = "^/", required = true, description = "the log file; PATH.1 is its rotated one" },
    patterns = { type = "array", items = { type = "string", minLength = 1 }, minItems = 1,
      default = { "[Ee]rror", "ERROR", "FATAL", "panic" }, description = "Lua patterns; a line that has one counts" },
    max_bytes = { type = "integer", minimum = 1, maximum = 1000000, default = 262144, description = "read at most so much" },
    max_lines = { type = "integer", minimum = 1, maximum = 1000, default = 50, description = "lines in the result" },
    triage = { type = "boolean", default = true, description = "hand the lines to log_triage where that is installed" },
  },
  permissions = { "exec", "kv", "task" }, timeout = "60s",
  run = function(ctx, params)
    local function has(line, pattern)
      local ok, found = pcall(string.find, line, pattern)
      if not ok then ctx.fail { code = "invalid", message = "patterns: " .. pattern .. ": " .. tostring(found) } end
      return found
    end
    for _, pattern in ipairs(params.patterns) do has("", pattern) end
    local key = key_of(params.path)
    local text, state = read_new(ctx, params.path, ctx.kv.get(key), params.max_bytes)
    -- A line that is still being written waits for the next run, unless it is longer than a run may read.
    local cut = #text >= params.max_bytes and not text:find("\n", 1, true)
    local complete = cut and text .. "\n" or text:match("^.*\n") or ""
    state.offset = state.offset - math.max(0, #text - #complete)
    local lines, matched, read = skep.array(), 0, 0
    for line in complete:gmatch("([^\n]*)\n") do
      read = read + 1
      for _, pattern in ipairs(params.patterns) do
        if has(line, pattern) then
          matched = matched + 1
          if #lines < params.max_lines then lines[#lines + 1] = line end
          break
        end
      end
    end
    local report = { ok = matched == 0, lines_read = read, matched = matched, lines = lines }
    if matched > 0 and params.triage then
      local verdict, why = ctx.task("log_triage", { lines = lines, source = params.path })
      if verdict then
        report.triage = verdict
      elseif why.code ~= "not-found" then
        ctx.log.warn("triage_failed", { code = why.code, message = why.message })
      end
    end
    ctx.kv.set(key, state)
    return report
  end,
}
