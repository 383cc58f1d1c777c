return skep.task {
  name = "http_check", version = "1.0.0", description = "ask a web service whether it is well",
  params = {
    url = { type = "string", pattern = "^https?://", required = true, description = "what to ask" },
    status = { type = "integer", minimum = 100, maximum = 599, default = 200, description = "the answer expected" },
    contains = { type = "string", default = "", description = "text that the body must have" },
    max_ms = { type = "integer", minimum = 0, default = 0, description = "slowest good answer; 0 = any" },
    tries = { type = "integer", minimum = 1, maximum = 10, default = 3, description = "before it counts as down" },
    pause_seconds = { type = "number", minimum = 0, maximum = 60, default = 1, description = "between two tries" },
    timeout_seconds = { type = "number", minimum = 0.1, maximum = 60, default = 10, description = "of one try" },
  },
  permissions = { "http" }, timeout = "2m",
  run = function(ctx, params)
    local function problem_of(answer)
      if answer.error then return "no answer: " .. answer.error end
      if answer.status ~= params.status then return "status " .. answer.status .. ", expected " .. params.status end
      if not answer.body:find(params.contains, 1, true) then return "the body lacks \"" .. params.contains .. "\"" end
      if params.max_ms > 0 and answer.duration_ms > params.max_ms then
        return "took " .. answer.duration_ms .. " ms, at most " .. params.max_ms .. " are good"
      end
    end
    local problem, answer
    for try = 1, params.tries do
      answer = ctx.http.get(params.url, { timeout = params.timeout_seconds })
      problem = problem_of(answer)
      if not problem then
        return { ok = true, status = answer.status, duration_ms = answer.duration_ms, tries = try,
          body_bytes = #answer.body }
      end
      ctx.log.warn("http_check_failed", { try = try, url = params.url, problem = problem })
      if try < params.tries then ctx.sleep(params.pause_seconds) end
    end
    ctx.fail(params.url .. ": " .. problem .. " (" .. params.tries .. " tries)")
  end,
}
