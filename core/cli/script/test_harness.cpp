#include "core/cli/script/test_harness.hpp"

namespace skep::cli {

const char* const kTestHarness = R"lua(
local function show(v)
  if type(v) == "string" then return string.format("%q", v) end
  if type(v) ~= "table" then return tostring(v) end
  local ok, text = pcall(json.encode, v)
  return ok and text or tostring(v)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local function load_script(text, file)
  local declared
  local fake = { null = skep.null, array = skep.array, task = function(t) declared = t return t end }
  local env = setmetatable({ skep = fake, print = function() end }, { __index = _G })
  local chunk, problem = load(text, "@" .. file, "t", env)
  if not chunk then error(problem, 0) end
  chunk()
  return declared
end

local function with_defaults(params, schema)
  local out = {}
  for k, v in pairs(params or {}) do out[k] = v end
  for name, property in pairs(schema.properties or {}) do
    if out[name] == nil then out[name] = property.default end
  end
  for _, name in ipairs(schema.required or {}) do
    if out[name] == nil then error("the parameter " .. name .. " is required", 3) end
  end
  return out
end

local function make_ctx(t, declared)
  local granted = {}
  for _, p in ipairs(declared.permissions or {}) do granted[p] = true end
  local function needs(permission, name, fake)
    return function(...)
      if not granted[permission] then
        error("ctx." .. name .. " needs the permission \"" .. permission .. "\"", 2)
      end
      local f = fake()
      if not f then error("the test has no answer for ctx." .. name .. "; see t." .. name:match("%a+"), 2) end
      return f(...)
    end
  end
  local function logger(level)
    return function(event, fields) t.logs[#t.logs + 1] = { level = level, event = event, fields = fields or {} } end
  end
  local log = setmetatable({ debug = logger("debug"), info = logger("info"), warn = logger("warn"),
    error = logger("error") }, { __call = function(_, event, fields) logger("info")(event, fields) end })
  local function http(method)
    return function(url, a, b)
      local options = (method == "POST" and b or a) or {}
      return t.fakes.http({ method = method, url = url, headers = options.headers or {}, timeout = options.timeout,
        body = method == "POST" and a or nil })
    end
  end
  local function http_fake() return t.fakes.http and true end
  local function guarded_http(name, f) return needs("http", "http." .. name, function() return http_fake() and f end) end
  local kv = {}
  local ctx = {
    task_id = "test", type = declared.name, attempt = 1, site = "test", worker_id = "test", log = log,
    progress = function(done, note) t.progress[#t.progress + 1] = { done, note } end,
    sleep = function(seconds) t.slept = t.slept + seconds end,
    remaining = function() return 30 end,
    now = function() return t.slept end,
    fail = function(why)
      if type(why) ~= "table" then why = { message = why } end
      error({ code = why.code or "failed", message = why.message, retry_after = why.retry_after }, 0)
    end,
    exec = needs("exec", "exec", function() return t.fakes.exec end),
    task = needs("task", "task", function() return t.fakes.task end),
    facts = needs("facts", "facts", function()
      return t.fakes.facts and function(section)
        local all = t.fakes.facts
        if type(all) == "function" then return all(section) end
        if section then return all[section] end
        return all
      end
    end),
    http = { get = guarded_http("get", http("GET")), post = guarded_http("post", http("POST")),
      request = guarded_http("request", function(r) return t.fakes.http(r) end) },
    kv = { get = needs("kv", "kv.get", function() return function(k) return t.kv[k] end end),
      set = needs("kv", "kv.set", function() return function(k, v) t.kv[k] = v end end),
      delete = needs("kv", "kv.delete", function() return function(k) t.kv[k] = nil end end),
      keys = needs("kv", "kv.keys", function() return function()
        local out = {}
        for k in pairs(t.kv) do out[#out + 1] = k end
        table.sort(out)
        return out
      end end) },
  }
  return ctx
end

local function run_tests(ctx, params)
  local tests, passed, failed = {}, 0, 0
  local env = setmetatable({}, { __index = _G })
  function env.test(name, f) tests[#tests + 1] = { name = name, run = f } end
  local chunk, problem = load(params.test, "@" .. params.test_file, "t", env)
  if not chunk then error(problem, 0) end
  chunk()
  print("1.." .. #tests)
  for i, test in ipairs(tests) do
    local t = { fakes = {}, logs = {}, progress = {}, kv = {}, slept = 0 }
    for _, name in ipairs { "exec", "http", "task", "facts" } do
      t[name] = function(answer) t.fakes[name] = answer end
    end
    function t.run(given)
      local declared = load_script(params.script, params.script_file)
      local ok, result, message = pcall(declared.run, make_ctx(t, declared), with_defaults(given, params.schema))
      if ok and result == nil and message ~= nil then return nil, { code = "failed", message = tostring(message) } end
      if ok then return result end
      if type(result) == "table" and result.code then return nil, result end
      error(result, 0)
    end
    function t.equal(got, want, what)
      if not same(got, want) then
        error((what and what .. ": " or "") .. "got " .. show(got) .. ", expected " .. show(want), 2)
      end
    end
    function t.ok(value, what) if not value then error(what or "expected something true", 2) end end
    function t.match(text, pattern, what)
      if type(text) ~= "string" or not text:find(pattern) then
        error((what and what .. ": " or "") .. show(text) .. " does not match " .. show(pattern), 2)
      end
    end
    local ok, why = pcall(test.run, t)
    if ok then
      passed = passed + 1
      print("ok " .. i .. " - " .. test.name)
    else
      failed = failed + 1
      print("not ok " .. i .. " - " .. test.name)
      print("# " .. (tostring(type(why) == "table" and why.message or why):gsub("\n", "\n# ")))
    end
  end
  return { passed = passed, failed = failed }
end

return skep.task {
  name = "skep_script_test", version = "1.0.0", timeout = "60s",
  params = { script = "string", script_file = "string", test = "string", test_file = "string",
    schema = { type = "object", additionalProperties = true } },
  run = run_tests,
}
)lua";

}  // namespace skep::cli
