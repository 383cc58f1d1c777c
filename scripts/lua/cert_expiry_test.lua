local function server(t, not_after)
  t.exec(function(command)
    if command[2] == "s_client" then
      return { exit_code = 0, stdout = "x\n-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n", stderr = "" }
    end
    t.match(command.stdin, "^%-%-%-%-%-BEGIN")
    return { exit_code = 0, stderr = "", stdout = "notAfter=" .. not_after .. "\nsubject=CN = example\n" }
  end)
end
local function in_days(days) return os.date("!%b %d %H:%M:%S %Y GMT", os.time() + days * 86400) end

test("is content while enough days are left", function(t)
  server(t, in_days(100))
  local report = t.run { host = "example" }
  t.equal(report.ok, true)
  t.ok(report.days_left > 99 and report.days_left <= 100, "days_left " .. report.days_left)
  t.equal(report.subject, "CN = example")
end)

test("fails when too few are left", function(t)
  server(t, in_days(3))
  local _, why = t.run { host = "example" }
  t.match(why.message, "ends in [23]%.%d days")
end)

test("knows a date exactly", function(t)
  server(t, "Feb 29 12:00:01 2040 GMT")
  t.equal(t.run({ host = "example" }).not_after, "2040-02-29T12:00:01Z")
end)

test("tries again later when the server shows none", function(t)
  t.exec(function() return { exit_code = 1, stdout = "", stderr = "refused" } end)
  local _, why = t.run { host = "example" }
  t.equal(why.code, "unavailable")
end)
