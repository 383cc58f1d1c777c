--- A log file with an inode, and maybe the one it was rotated to.
local function files(t, list)
  t.exec(function(command)
    if command[1] == "stat" then
      local file = list[command[#command]]
      if not file then return { exit_code = 1, stdout = "", stderr = "" } end
      return { exit_code = 0, stderr = "", stdout = file.inode .. " " .. #file.text .. "\n" }
    end
    local offset, path, count = tonumber(command[5]), command[6], tonumber(command[7])
    return { exit_code = 0, stderr = "", stdout = list[path].text:sub(offset, offset + count - 1) }
  end)
  t.task(function() return nil, { code = "not-found", message = "no such type" } end)
end

test("begins at the end of the file", function(t)
  files(t, { ["/l"] = { inode = 1, text = "an old error\n" } })
  t.equal(t.run { path = "/l" }, { ok = true, lines_read = 0, matched = 0, lines = {} })
end)

test("finds new lines that match, and copes without log_triage", function(t)
  local log = { inode = 1, text = "" }
  files(t, { ["/l"] = log })
  t.run { path = "/l" }
  log.text = "fine\nError: disk\nhalf a li"
  t.equal(t.run { path = "/l" }, { ok = false, lines_read = 2, matched = 1, lines = { "Error: disk" } })
  log.text = log.text .. "ne error\n"
  t.equal(t.run({ path = "/l" }).lines, { "half a line error" })
end)

test("reads the rest of a rotated file first", function(t)
  local list = { ["/l"] = { inode = 1, text = "a\n" } }
  files(t, list)
  t.run { path = "/l" }
  list["/l.1"] = { inode = 1, text = "a\nlast error\n" }
  list["/l"] = { inode = 2, text = "first error\n" }
  t.equal(t.run({ path = "/l" }).lines, { "last error", "first error" })
end)

test("reads a rotated file to its end before the new one", function(t)
  local list = { ["/l"] = { inode = 1, text = "" } }
  files(t, list)
  t.run { path = "/l", max_bytes = 8 }
  list["/l.1"] = { inode = 1, text = "error 1\nerror 2\nerror 3" }
  list["/l"] = { inode = 2, text = "error 4\n" }
  for i = 1, 4 do t.equal(t.run({ path = "/l", max_bytes = 8 }).lines, { "error " .. i }) end
end)

test("goes on behind a line that is longer than a run reads", function(t)
  local log = { inode = 1, text = "" }
  files(t, { ["/l"] = log })
  t.run { path = "/l" }
  log.text = ("x"):rep(10) .. "\nerror\n"
  t.equal(t.run({ path = "/l", max_bytes = 8 }).lines_read, 1)
  t.equal(t.run({ path = "/l", max_bytes = 9 }).lines, { "error" })
end)

test("says which pattern is none", function(t)
  local log = { inode = 1, text = "" }
  files(t, { ["/l"] = log })
  t.run { path = "/l" }
  log.text = "a line\n"
  for _, bad in ipairs { "[x", "a[" } do
    local _, why = t.run { path = "/l", patterns = { bad } }
    t.equal(why.code, "invalid")
  end
end)

test("keeps files with similar names apart", function(t)
  files(t, { ["/a/b"] = { inode = 1, text = "" }, ["/a_b"] = { inode = 2, text = "error\n" } })
  t.run { path = "/a/b" }
  t.equal(t.run({ path = "/a_b" }).lines_read, 0)
end)

test("starts over when the file was truncated", function(t)
  local log = { inode = 1, text = "long long line\n" }
  files(t, { ["/l"] = log })
  t.run { path = "/l" }
  log.text = "error\n"
  t.equal(t.run({ path = "/l" }).matched, 1)
end)

test("adds what log_triage says", function(t)
  local log = { inode = 1, text = "" }
  files(t, { ["/l"] = log })
  t.task(function(type, params) return { type = type, count = #params.lines } end)
  t.run { path = "/l" }
  log.text = "error\n"
  t.equal(t.run({ path = "/l" }).triage, { type = "log_triage", count = 1 })
end)

test("says that there is no such file", function(t)
  files(t, {})
  local _, why = t.run { path = "/none" }
  t.equal(why.code, "not-found")
end)
