local function site(t)
  t.facts({ os = { hostname = "web1" } })
  t.task(function(type, params)
    if type == "good" then return { ok = true, given = params } end
    if type == "bad" then return { ok = false } end
    return nil, { code = "not-found", message = "no type " .. type }
  end)
end

test("puts the results of all checks together", function(t)
  site(t)
  local report = t.run { checks = { { task = "good", params = { a = 1 } }, { task = "good", name = "again", params = {} } } }
  t.equal(report.ok, true)
  t.equal({ report.host, report.site, #report.checks }, { "web1", "test", 2 })
  t.equal(report.checks[1].result.given, { a = 1 })
  t.equal(report.checks[2].name, "again")
end)

test("goes on after a check that is not ok or cannot run", function(t)
  site(t)
  local report = t.run { checks = { { task = "bad" }, { task = "none" }, { task = "good" } } }
  t.equal(report.ok, false)
  t.equal({ report.checks[1].ok, report.checks[2].error.code, report.checks[3].ok }, { false, "not-found", true })
end)

test("fails with their names when asked to", function(t)
  site(t)
  local _, why = t.run { fail = true, checks = { { task = "bad" }, { task = "good" }, { task = "none" } } }
  t.equal(why.message, "not ok: bad, none")
end)
