local function parse(text)
  local unit = {}
  for key, value in text:gmatch("(%w+)=([^\n]*)") do unit[key] = value end
  return unit
end

return skep.task {
  name = "service_check", version = "1.0.0", description = "say whether systemd units run",
  params = {
    units = { type = "array", items = { type = "string", minLength = 1 }, minItems = 1, maxItems = 100, required = true,
      description = "unit names, \"ssh.service\"" },
    fail = { type = "boolean", default = true, description = "fail the task when one does not run" },
  },
  permissions = { "exec" }, timeout = "30s",
  run = function(ctx, params)
    local down, units = {}, skep.array()
    for i, name in ipairs(params.units) do
      if name:sub(1, 1) == "-" then ctx.fail { code = "invalid", message = name .. " is no unit name" } end
      ctx.progress((i - 1) / #params.units, name)
      local shown = ctx.exec { "systemctl", "show", "--property=LoadState,ActiveState,SubState,NRestarts",
        "--", name, timeout = 10 }
      if shown.error then ctx.fail { code = "unsupported", message = "systemctl: " .. shown.error } end
      if shown.exit_code ~= 0 then
        ctx.fail { code = "unavailable", message = "systemctl: " .. shown.stderr:gsub("%s+$", "") }
      end
      local unit = parse(shown.stdout)
      local up = unit.LoadState == "loaded" and unit.ActiveState == "active"
      units[i] = { name = name, ok = up, load = unit.LoadState, state = unit.ActiveState,
        sub = unit.SubState, restarts = tonumber(unit.NRestarts) or 0 }
      if not up then
        down[#down + 1] = name
        ctx.log.warn("service_down", units[i])
      end
    end
    if params.fail and #down > 0 then ctx.fail("not running: " .. table.concat(down, ", ")) end
    return { ok = #down == 0, units = units }
  end,
}
