local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

--- Seconds since 1970 of openssl's "Nov 22 20:32:10 2026 GMT", without the local time zone.
local function instant(text)
  local month, day, hour, minute, second, year = text:match("(%a+)%s+(%d+) (%d+):(%d+):(%d+) (%d+) GMT")
  if not month or not months[month] then return nil end
  local y, m = tonumber(year), months[month]
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + tonumber(day) - 719469
  return ((days * 24 + tonumber(hour)) * 60 + tonumber(minute)) * 60 + tonumber(second)
end

return skep.task {
  name = "cert_expiry", version = "1.0.0", description = "warn before a TLS certificate ends",
  params = {
    host = { type = "string", pattern = "^[A-Za-z0-9.:_-]+$", required = true, description = "server to ask" },
    port = { type = "integer", minimum = 1, maximum = 65535, default = 443, description = "its port" },
    server_name = { type = "string", default = "", pattern = "^[A-Za-z0-9.-]*$", description = "name to ask for; \"\" = host" },
    warn_days = { type = "number", minimum = 0, default = 21, description = "fewer days than these are too few" },
    fail = { type = "boolean", default = true, description = "fail the task when too few are left" },
  },
  permissions = { "exec" }, timeout = "30s",
  run = function(ctx, params)
    local name = params.server_name ~= "" and params.server_name or params.host
    local asked = ctx.exec { "openssl", "s_client", "-connect", params.host .. ":" .. params.port, "-servername", name,
      stdin = "", timeout = 15 }
    if asked.error then ctx.fail { code = "unsupported", message = "openssl: " .. asked.error } end
    local pem = asked.stdout:match("%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-.-%-%-%-%-%-END CERTIFICATE%-%-%-%-%-")
    if not pem then
      ctx.fail { code = "unavailable", message = params.host .. ":" .. params.port .. " showed no certificate" }
    end
    local read = ctx.exec { "openssl", "x509", "-noout", "-enddate", "-subject", stdin = pem, timeout = 5 }
    local ends = instant(read.stdout)
    if not ends then ctx.fail { code = "corrupt", message = "openssl cannot read the certificate" } end
    local days = (ends - os.time()) / 86400
    local report = { ok = days >= params.warn_days, days_left = math.floor(days * 10) / 10,
      not_after = os.date("!%Y-%m-%dT%H:%M:%SZ", ends), subject = read.stdout:match("subject=%s*([^\n]*)") }
    if not report.ok then
      ctx.log.warn("certificate_ends_soon", report)
      if params.fail then
        ctx.fail(string.format("the certificate of %s ends in %.1f days (%s)", name, report.days_left, report.not_after))
      end
    end
    return report
  end,
}
