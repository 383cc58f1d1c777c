#include "api.hpp"

#include <array>

namespace skep::lua {

// clang-format off
std::span<const Permission> permissions() {
  static constexpr std::array<Permission, 6> kAll{{
    {"exec", "ctx.exec: start programs as the worker's user", "everything that user may do on the machine"},
    {"facts", "ctx.facts: what collect_facts says of the machine", "none: read only"},
    {"http", "ctx.http: HTTP and HTTPS requests from the worker", "reaches whatever the worker's network reaches"},
    {"kv", "ctx.kv: small values that outlive the task", "disk space: 1000 keys of 64 KiB for each script"},
    {"secrets", "ctx.secret: values of [secrets] that name this script", "a script that has one may send it anywhere"},
    {"task", "ctx.task: run any other task type of this worker", "whatever those task types may do, execute_script among them"},
  }};
  return kAll;
}

std::span<const std::string_view> lua_globals() {
  static constexpr std::array<std::string_view, 31> kAll{
    "_G", "_VERSION", "assert", "collectgarbage", "coroutine", "error", "getmetatable", "ipairs",
    "json", "load", "math", "next", "os", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen",
    "rawset", "select", "setmetatable", "skep", "string", "table", "tonumber", "tostring", "type",
    "utf8", "xpcall", "_ENV"};
  return kAll;
}

std::span<const Shape> shapes() {
  static const auto* all = new std::vector<Shape>{
    {"skep.Task", "What skep.task takes.", {
      {"name", "string", "the task type that people submit: a-z, 0-9, _ and -, parts separated by dots"},
      {"version", "string", "semantic version, \"1.0.0\""},
      {"description?", "string", "one line for people"},
      {"params?", "table<string, skep.Param|string>|table", "parameters by name, or a whole JSON Schema with type = \"object\" and properties"},
      {"permissions?", "string[]", "what ctx may be used for: exec, facts, http, kv, secrets, task"},
      {"timeout?", "string|number", "of a task that names none: \"500ms\", \"30s\", \"5m\", \"1h\" or seconds; \"30s\" when left out"},
      {"run", "fun(ctx: skep.Ctx, params: table): any, any", "its first result is the task's result document; nil and a message fail the task"}}},
    {"skep.Param", "One parameter: JSON Schema, and required.", {
      {"type?", "string|string[]", "\"string\", \"integer\", \"number\", \"boolean\", \"array\", \"object\""},
      {"default?", "any", "its value when it is not given"},
      {"required?", "boolean", "whether it must be given"},
      {"description?", "string", "one line for people"},
      {"enum?", "any[]", "the values it may have"},
      {"minimum?", "number", "least number"},
      {"maximum?", "number", "greatest number"},
      {"minLength?", "integer", "least number of characters"},
      {"maxLength?", "integer", "greatest number of characters"},
      {"pattern?", "string", "regular expression of a text"},
      {"items?", "table", "schema of the elements of an array"},
      {"minItems?", "integer", "least number of elements"},
      {"maxItems?", "integer", "greatest number of elements"},
      {"properties?", "table", "schemas of the members of an object"},
      {"additionalProperties?", "boolean|table", "whether an object may have further members"}}},
    {"skep.Command", "What ctx.exec takes: the program and its arguments in order, and these keys.", {
      {"timeout?", "number", "seconds; the time of the task bounds it in any case"},
      {"stdin?", "string", "the program's input"},
      {"env?", "table<string, string>", "its environment beside PATH and LANG; 2 MiB at most"},
      {"cwd?", "string", "where it starts"}}},
    {"skep.Exit", "How a program ended.", {
      {"exit_code?", "integer", "nil when it did not exit by itself"},
      {"signal?", "integer", "that ended it"},
      {"stdout", "string", "at most 1 MiB"},
      {"stderr", "string", "at most 1 MiB"},
      {"truncated", "boolean", "whether output was left out"},
      {"timed_out", "boolean", "whether `timeout` ended it"},
      {"duration_ms", "integer", "how long it ran"},
      {"error?", "string", "why it could not be started"}}},
    {"skep.Request", "What ctx.http.request takes.", {
      {"url", "string", "http or https; no redirect is followed"},
      {"method?", "string", "capital letters; \"GET\" when left out"},
      {"headers?", "table<string, string>", "header fields by name; 2 MiB at most"},
      {"body?", "string", "the request's body; text/plain unless `headers` has a Content-Type"},
      {"json?", "any", "a value that is sent as JSON instead of a body"},
      {"timeout?", "number", "seconds for the whole exchange; 30 when left out"}}},
    {"skep.Response", "An HTTP answer, or why none came.", {
      {"status", "integer", "0 when no answer came"},
      {"body", "string", "at most 16 MiB"},
      {"duration_ms", "integer", "how long the exchange took"},
      {"error?", "string", "why no answer came"}}},
    {"skep.Failure", "Why a task failed.", {
      {"code", "string", "\"failed\", \"invalid\", \"not-found\", \"unavailable\" and so on"},
      {"message", "string", "in words"},
      {"retry_after?", "number", "seconds; only for \"busy\" and \"unavailable\", which are tried again"}}},
  };
  return *all;
}

std::span<const Entry> api() {
  static const auto* all = new std::vector<Entry>{
    {"skep.task", "", "Declares the file's task type. Call it once and return what it returns.", false,
     {{"task", "skep.Task", "the declaration"}}, {{"", "skep.Task", ""}}},
    {"skep.null", "", "JSON's null: `x == skep.null`.", true, {}, {{"", "userdata", ""}}},
    {"skep.array", "", "Marks a table as a list, so that an empty one becomes `[]` and not `{}`. It takes no other metatable then.", false,
     {{"t?", "table", "the table; a new one when left out"}}, {{"", "table", ""}}},
    {"json.encode", "", "The value as JSON text. Raises for functions, mixed keys, inf and nan.", false,
     {{"value", "any", "at most 4 MiB as JSON"}}, {{"", "string", ""}}},
    {"json.decode", "", "The value of a JSON text; nil and a message when it is none.", false,
     {{"text", "string", "at most 4 MiB"}}, {{"", "any", ""}, {"", "string?", "what is wrong"}}},
    {"print", "", "Writes its arguments, separated by tabs, as a line of the task's output.", false,
     {{"...", "any", "anything"}}, {}},
    {"ctx.task_id", "", "Id of the task.", true, {}, {{"", "string", ""}}},
    {"ctx.type", "", "The task type as it was submitted.", true, {}, {{"", "string", ""}}},
    {"ctx.attempt", "", "Which try this is, from 1.", true, {}, {{"", "integer", ""}}},
    {"ctx.site", "", "Site of the worker.", true, {}, {{"", "string", ""}}},
    {"ctx.worker_id", "", "Id of the worker.", true, {}, {{"", "string", ""}}},
    {"ctx.log", "", "Writes a line to the task's log: `ctx.log(\"text\")` is `ctx.log.info(\"text\")`.", false,
     {{"event", "string", "a stable lower_case name, or a sentence"}, {"fields?", "table", "further members of the line"}}, {}},
    {"ctx.log.debug", "", "A line of level debug.", false,
     {{"event", "string", "what happened"}, {"fields?", "table", "further members"}}, {}},
    {"ctx.log.info", "", "A line of level info.", false,
     {{"event", "string", "what happened"}, {"fields?", "table", "further members"}}, {}},
    {"ctx.log.warn", "", "A line of level warn.", false,
     {{"event", "string", "what happened"}, {"fields?", "table", "further members"}}, {}},
    {"ctx.log.error", "", "A line of level error.", false,
     {{"event", "string", "what happened"}, {"fields?", "table", "further members"}}, {}},
    {"ctx.progress", "", "Says how far the task is.", false,
     {{"done", "number", "a fraction from 0 to 1, or an integer from 2 to 1000 in thousandths"},
      {"note?", "string", "what it does now"}}, {}},
    {"ctx.sleep", "", "Waits; ends at once when the task is cancelled or its time is up.", false,
     {{"seconds", "number", "0 or more"}}, {}},
    {"ctx.remaining", "", "Seconds until the task's time is up; nil when it has no limit.", false,
     {}, {{"", "number?", ""}}},
    {"ctx.now", "", "Seconds of a clock that only goes forward: for measuring.", false,
     {}, {{"", "number", ""}}},
    {"ctx.fail", "", "Ends the task as failed. `ctx.fail(\"text\")` is code \"failed\". \"busy\" and \"unavailable\" are tried again, all else is final.", false,
     {{"why", "skep.Failure|string", "code, message, retry_after"}}, {}},
    {"ctx.facts", "facts", "What collect_facts says of this machine.", false,
     {{"section?", "string", "one group, such as \"mounts\"; everything when left out"}}, {{"", "table", "the facts, or those of the section"}}},
    {"ctx.exec", "exec", "Runs a program to its end. A program that cannot be started is no error of the script: see `error`.", false,
     {{"command", "skep.Command", "{ \"df\", \"-k\", timeout = 5 }"}}, {{"", "skep.Exit", ""}}},
    {"ctx.http.get", "http", "GET. No answer is no error of the script: see `error`.", false,
     {{"url", "string", "http or https"}, {"options?", "skep.Request", "headers, timeout"}}, {{"", "skep.Response", ""}}},
    {"ctx.http.post", "http", "POST; a table as the body is sent as JSON, a text as text/plain, unless `headers` has a Content-Type.", false,
     {{"url", "string", "http or https"}, {"body?", "string|table", "what is sent"}, {"options?", "skep.Request", "headers, timeout"}}, {{"", "skep.Response", ""}}},
    {"ctx.http.request", "http", "Any request.", false,
     {{"request", "skep.Request", "url and the rest"}}, {{"", "skep.Response", ""}}},
    {"ctx.task", "task", "Runs another task type of this worker inside this task and within its time; at most 8 deep.", false,
     {{"type", "string", "the task type"}, {"params?", "table", "its parameters"}},
     {{"", "any", "its result document; nil when it failed"}, {"", "skep.Failure?", "why it failed"}}},
    {"ctx.secret", "secrets", "A value that the node keeps in [secrets] for \"script:NAME\". What the script says goes out with *** for it.", false,
     {{"name", "string", "its name in [secrets]"}}, {{"", "string", ""}}},
    {"ctx.kv.get", "kv", "The value of a key; nil when there is none.", false,
     {{"key", "string", "1 to 128 of A-Z a-z 0-9 . _ -"}}, {{"", "any", ""}}},
    {"ctx.kv.set", "kv", "Keeps a value for this script on this worker, beyond the task and a restart.", false,
     {{"key", "string", "the key"}, {"value", "any", "at most 64 KiB as JSON; nil deletes the key"}}, {}},
    {"ctx.kv.delete", "kv", "Forgets a key; none is fine.", false, {{"key", "string", "the key"}}, {}},
    {"ctx.kv.keys", "kv", "All keys of this script, in order.", false, {}, {{"", "string[]", ""}}},
  };
  return *all;
}
// clang-format on

}  // namespace skep::lua
