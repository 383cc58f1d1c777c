---@meta
-- The API of skep's Lua scripts, for LuaLS. Generated from plugins/lua/api.cpp.

---What skep.task takes.
---@class skep.Task
---@field name string the task type that people submit: a-z, 0-9, _ and -, parts separated by dots
---@field version string semantic version, "1.0.0"
---@field description? string one line for people
---@field params? table<string, skep.Param|string>|table parameters by name, or a whole JSON Schema with type = "object" and properties
---@field permissions? string[] what ctx may be used for: exec, facts, http, kv, secrets, task
---@field timeout? string|number of a task that names none: "500ms", "30s", "5m", "1h" or seconds; "30s" when left out
---@field run fun(ctx: skep.Ctx, params: table): any, any its first result is the task's result document; nil and a message fail the task

---One parameter: JSON Schema, and required.
---@class skep.Param
---@field type? string|string[] "string", "integer", "number", "boolean", "array", "object"
---@field default? any its value when it is not given
---@field required? boolean whether it must be given
---@field description? string one line for people
---@field enum? any[] the values it may have
---@field minimum? number least number
---@field maximum? number greatest number
---@field minLength? integer least number of characters
---@field maxLength? integer greatest number of characters
---@field pattern? string regular expression of a text
---@field items? table schema of the elements of an array
---@field minItems? integer least number of elements
---@field maxItems? integer greatest number of elements
---@field properties? table schemas of the members of an object
---@field additionalProperties? boolean|table whether an object may have further members

---What ctx.exec takes: the program and its arguments in order, and these keys.
---@class skep.Command
---@field [integer] string the program and its arguments
---@field timeout? number seconds; the time of the task bounds it in any case
---@field stdin? string the program's input
---@field env? table<string, string> its environment beside PATH and LANG; 2 MiB at most
---@field cwd? string where it starts

---How a program ended.
---@class skep.Exit
---@field exit_code? integer nil when it did not exit by itself
---@field signal? integer that ended it
---@field stdout string at most 1 MiB
---@field stderr string at most 1 MiB
---@field truncated boolean whether output was left out
---@field timed_out boolean whether `timeout` ended it
---@field duration_ms integer how long it ran
---@field error? string why it could not be started

---What ctx.http.request takes.
---@class skep.Request
---@field url string http or https; no redirect is followed
---@field method? string capital letters; "GET" when left out
---@field headers? table<string, string> header fields by name; 2 MiB at most
---@field body? string the request's body; text/plain unless `headers` has a Content-Type
---@field json? any a value that is sent as JSON instead of a body
---@field timeout? number seconds for the whole exchange; 30 when left out

---An HTTP answer, or why none came.
---@class skep.Response
---@field status integer 0 when no answer came
---@field body string at most 16 MiB
---@field duration_ms integer how long the exchange took
---@field error? string why no answer came

---Why a task failed.
---@class skep.Failure
---@field code string "failed", "invalid", "not-found", "unavailable" and so on
---@field message string in words
---@field retry_after? number seconds; only for "busy" and "unavailable", which are tried again

---What run() gets.
---@class skep.Ctx
---@field task_id string Id of the task.
---@field type string The task type as it was submitted.
---@field attempt integer Which try this is, from 1.
---@field site string Site of the worker.
---@field worker_id string Id of the worker.
local Ctx = {}

---@class skep.Log
---@overload fun(event: string, fields?: table)
Ctx.log = {}

---@class skep.Http
Ctx.http = {}

---@class skep.Kv
Ctx.kv = {}

skep = {}
json = {}

---Declares the file's task type. Call it once and return what it returns.
---@param task skep.Task # the declaration
---@return skep.Task
function skep.task(task) end

---JSON's null: `x == skep.null`.
---@type userdata
skep.null = nil

---Marks a table as a list, so that an empty one becomes `[]` and not `{}`. It takes no other metatable then.
---@param t? table # the table; a new one when left out
---@return table
function skep.array(t) end

---The value as JSON text. Raises for functions, mixed keys, inf and nan.
---@param value any # at most 4 MiB as JSON
---@return string
function json.encode(value) end

---The value of a JSON text; nil and a message when it is none.
---@param text string # at most 4 MiB
---@return any
---@return string? # what is wrong
function json.decode(text) end

---A line of level debug.
---@param event string # what happened
---@param fields? table # further members
function Ctx.log.debug(event, fields) end

---A line of level info.
---@param event string # what happened
---@param fields? table # further members
function Ctx.log.info(event, fields) end

---A line of level warn.
---@param event string # what happened
---@param fields? table # further members
function Ctx.log.warn(event, fields) end

---A line of level error.
---@param event string # what happened
---@param fields? table # further members
function Ctx.log.error(event, fields) end

---Says how far the task is.
---@param done number # a fraction from 0 to 1, or an integer from 2 to 1000 in thousandths
---@param note? string # what it does now
function Ctx.progress(done, note) end

---Waits; ends at once when the task is cancelled or its time is up.
---@param seconds number # 0 or more
function Ctx.sleep(seconds) end

---Seconds until the task's time is up; nil when it has no limit.
---@return number?
function Ctx.remaining() end

---Seconds of a clock that only goes forward: for measuring.
---@return number
function Ctx.now() end

---Ends the task as failed. `ctx.fail("text")` is code "failed". "busy" and "unavailable" are tried again, all else is final.
---@param why skep.Failure|string # code, message, retry_after
function Ctx.fail(why) end

---What collect_facts says of this machine.
---Needs the permission `facts`.
---@param section? string # one group, such as "mounts"; everything when left out
---@return table # the facts, or those of the section
function Ctx.facts(section) end

---Runs a program to its end. A program that cannot be started is no error of the script: see `error`.
---Needs the permission `exec`.
---@param command skep.Command # { "df", "-k", timeout = 5 }
---@return skep.Exit
function Ctx.exec(command) end

---GET. No answer is no error of the script: see `error`.
---Needs the permission `http`.
---@param url string # http or https
---@param options? skep.Request # headers, timeout
---@return skep.Response
function Ctx.http.get(url, options) end

---POST; a table as the body is sent as JSON, a text as text/plain, unless `headers` has a Content-Type.
---Needs the permission `http`.
---@param url string # http or https
---@param body? string|table # what is sent
---@param options? skep.Request # headers, timeout
---@return skep.Response
function Ctx.http.post(url, body, options) end

---Any request.
---Needs the permission `http`.
---@param request skep.Request # url and the rest
---@return skep.Response
function Ctx.http.request(request) end

---Runs another task type of this worker inside this task and within its time; at most 8 deep.
---Needs the permission `task`.
---@param type string # the task type
---@param params? table # its parameters
---@return any # its result document; nil when it failed
---@return skep.Failure? # why it failed
function Ctx.task(type, params) end

---A value that the node keeps in [secrets] for "script:NAME". What the script says goes out with *** for it.
---Needs the permission `secrets`.
---@param name string # its name in [secrets]
---@return string
function Ctx.secret(name) end

---The value of a key; nil when there is none.
---Needs the permission `kv`.
---@param key string # 1 to 128 of A-Z a-z 0-9 . _ -
---@return any
function Ctx.kv.get(key) end

---Keeps a value for this script on this worker, beyond the task and a restart.
---Needs the permission `kv`.
---@param key string # the key
---@param value any # at most 64 KiB as JSON; nil deletes the key
function Ctx.kv.set(key, value) end

---Forgets a key; none is fine.
---Needs the permission `kv`.
---@param key string # the key
function Ctx.kv.delete(key) end

---All keys of this script, in order.
---Needs the permission `kv`.
---@return string[]
function Ctx.kv.keys() end
