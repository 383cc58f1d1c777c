local function answers(t, list)
  local n = 0
  t.http(function() n = n + 1 return list[math.min(n, #list)] end)
end

test("passes on the expected status and body", function(t)
  answers(t, { { status = 200, body = "all is well", duration_ms = 5 } })
  t.equal(t.run { url = "http://x/", contains = "well" },
    { ok = true, status = 200, duration_ms = 5, tries = 1, body_bytes = 11 })
end)

test("tries again before it gives up", function(t)
  answers(t, { { status = 0, body = "", duration_ms = 1, error = "refused" }, { status = 200, body = "", duration_ms = 1 } })
  t.equal(t.run({ url = "http://x/" }).tries, 2)
  t.equal(t.slept, 1)
end)

test("fails with the last problem", function(t)
  answers(t, { { status = 503, body = "", duration_ms = 1 } })
  local _, why = t.run { url = "http://x/", tries = 2 }
  t.equal(why.message, "http://x/: status 503, expected 200 (2 tries)")
  t.equal(#t.logs, 2)
end)

test("minds the body and the time", function(t)
  answers(t, { { status = 200, body = "no", duration_ms = 900 } })
  local _, why = t.run { url = "http://x/", contains = "yes", tries = 1 }
  t.match(why.message, "lacks")
  _, why = t.run { url = "http://x/", max_ms = 100, tries = 1 }
  t.match(why.message, "took 900 ms")
end)
