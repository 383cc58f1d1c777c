local function systemd(t, states)
  t.exec(function(command)
    local name = command[#command]
    t.equal({ command[1], command[2] }, { "systemctl", "show" })
    return { exit_code = 0, stderr = "", stdout = states[name] or "LoadState=not-found\nActiveState=inactive\n" }
  end)
end
local up = "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=2\n"

test("reports units that run", function(t)
  systemd(t, { ["a.service"] = up })
  t.equal(t.run { units = { "a.service" } }, { ok = true, units = {
    { name = "a.service", ok = true, load = "loaded", state = "active", sub = "running", restarts = 2 } } })
end)

test("fails with the names of those that do not", function(t)
  systemd(t, { ["a.service"] = up, ["b.service"] = "LoadState=loaded\nActiveState=failed\nSubState=failed\n" })
  local result, why = t.run { units = { "a.service", "b.service", "c.service" } }
  t.equal(result, nil)
  t.equal(why.message, "not running: b.service, c.service")
end)

test("only reports when told not to fail", function(t)
  systemd(t, {})
  t.equal(t.run({ units = { "x" }, fail = false }).ok, false)
end)

test("says that there is no systemd", function(t)
  t.exec(function() return { stdout = "", stderr = "", error = "no such file" } end)
  local _, why = t.run { units = { "x" } }
  t.equal(why.code, "unsupported")
end)

test("tries again later when systemd does not answer", function(t)
  t.exec(function() return { exit_code = 1, stdout = "", stderr = "Failed to connect to bus\n" } end)
  local _, why = t.run { units = { "x" } }
  t.equal(why.code, "unavailable")
end)

test("takes no option for a unit", function(t)
  local _, why = t.run { units = { "--force" } }
  t.equal(why.code, "invalid")
end)
