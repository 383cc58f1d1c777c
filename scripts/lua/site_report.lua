return skep.task {
  name = "site_report", version = "1.0.0", description = "one report out of several checks of this machine",
  params = {
    checks = { type = "array", maxItems = 50, default = { { task = "disk_check" } },
      items = { type = "object", required = { "task" }, properties = {
        task = { type = "string", minLength = 1, description = "task type" },
        name = { type = "string", description = "what the report calls it; the task type when missing" },
        params = { type = "object", additionalProperties = true, default = {}, description = "its parameters" } } },
      description = "what to run, in order" },
    fail = { type = "boolean", default = false, description = "fail the task when a check is not ok" },
  },
  permissions = { "facts", "task" }, timeout = "5m",
  run = function(ctx, params)
    local report = { site = ctx.site, worker_id = ctx.worker_id, checks = skep.array(), ok = true }
    local os_facts = ctx.facts("os")
    report.host = os_facts and os_facts.hostname
    for i, check in ipairs(params.checks) do
      ctx.progress((i - 1) / #params.checks, check.task)
      local begun = ctx.now()
      local result, why = ctx.task(check.task, check.params)
      local ok = why == nil and not (type(result) == "table" and result.ok == false)
      report.checks[i] = { name = check.name or check.task, task = check.task, ok = ok,
        duration_ms = math.floor((ctx.now() - begun) * 1000), result = result,
        error = why and { code = why.code, message = why.message } }
      if not ok then
        report.ok = false
        ctx.log.warn("check_failed", { check = report.checks[i].name, error = why and why.message })
      end
    end
    if params.fail and not report.ok then
      local names = {}
      for _, check in ipairs(report.checks) do
        if not check.ok then names[#names + 1] = check.name end
      end
      ctx.fail("not ok: " .. table.concat(names, ", "))
    end
    return report
  end,
}
