// skep script new, lint, test, run
#include "core/cli/script/commands.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "core/app/app.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/new_script.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/params.hpp"
#include "core/cli/base/script_runner.hpp"
#include "core/cli/base/terminal_text.hpp"
#include "core/cli/script/test_harness.hpp"
#include "core/cli/script/verbs.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;
using plugin::ScriptManifest;

Expected<std::unique_ptr<ScriptRunner>> open_runner(const Invocation& call) {
  return ScriptRunner::open(call.args.all("plugins"));
}

/// Of the node of -c; nothing without one.
Expected<std::optional<plugin::ScriptPolicy>> policy_at_hand(Invocation& call) {
  if (!call.args.has("config")) return std::optional<plugin::ScriptPolicy>();
  const auto loaded = load_config(call);
  if (!loaded) return loaded.error();
  auto policy =
      plugin::parse_script_policy(loaded->config.scripts.allow, loaded->config.scripts.tables);
  if (!policy) return Failure(policy.error());
  return std::optional<plugin::ScriptPolicy>(std::move(*policy));
}

/// One line a finding.
std::vector<std::string> findings_of(ScriptRunner& runner, const ScriptSource& source,
                                     const std::optional<plugin::ScriptPolicy>& policy) {
  const auto manifest = runner.inspect(source.file, source.text);
  if (!manifest) return {manifest.error().error.message};
  std::vector<std::string> out = manifest->warnings;
  if (!policy) return out;
  const Status granted = policy->check(source.file, manifest->name, manifest->permissions,
                                       app::is_shipped_script(source.path));
  if (!granted) out.push_back(granted.error().message + "; next: " + granted.error().next);
  return out;
}

Expected<int> lint(Invocation& call) {
  const auto policy = policy_at_hand(call);
  if (!policy) return policy.error();
  auto runner = open_runner(call);
  if (!runner) return runner.error();
  bool clean = true;
  for (const std::string& path : call.args.all("FILE")) {
    const auto source = read_source(path);
    if (!source) return source.error();
    for (const std::string& finding : findings_of(**runner, *source, *policy)) {
      call.console.out << printable(finding, true) << '\n';
      clean = false;
    }
  }
  if (clean) call.console.note("nothing to say");
  return clean ? 0 : 1;
}

ports::TaskEvents printing(const Console& console) {
  const auto output = std::make_shared<ScriptOutput>(console, false);
  ports::TaskEvents events;
  events.output = [output](bool is_err, std::string_view bytes) {
    is_err ? output->err(bytes) : output->out(bytes);
  };
  events.progress = [output](std::uint32_t permille, std::string_view note) {
    output->mark(std::to_string(permille / 10) + " % " + std::string(note));
  };
  events.log = [output](std::string_view line) { output->mark(line); };
  return events;
}

Failure failure_of(const model::Outcome& outcome) {
  const auto said = parse_json(outcome.error);
  Error error{Code::kFailed, outcome.error};
  if (said && said->is_object()) {
    error.message = get_string(said->get_object(), "message");
    error.name = get_string(said->get_object(), "code");
    error.next = get_string(said->get_object(), "next");
  }
  return Failure(std::move(error));
}

Expected<int> run_one(Invocation& call) {
  const auto source = read_source(call.args.get("FILE"));
  if (!source) return source.error();
  auto runner = open_runner(call);
  if (!runner) return runner.error();
  const auto manifest = (*runner)->inspect(source->file, source->text);
  if (!manifest) return manifest.error();
  const auto schema = parse_json(manifest->params.text());
  const auto params = build_params("{}", call.args.all("param"), [&](const std::string& key) {
    return schema && schema_wants_text(*schema, key);
  });
  if (!params) return Failure(params.error());
  const auto timeout = call.args.duration("timeout", Millis{0});
  if (!timeout) return Failure(timeout.error());
  const auto ended = (*runner)->run(source->file, source->text, to_text(*params), *timeout,
                                    printing(call.console));
  if (!ended) return ended.error();
  if (ended->kind != model::OutcomeKind::kSucceeded) return failure_of(*ended);
  const auto result = parse_json(ended->result);
  call.console.out << (result ? pretty(*result) : printable(ended->result)) << '\n';
  return 0;
}

/// x.lua and x_test.lua stand for each other.
std::pair<std::string, std::string> script_and_test(const std::string& path) {
  const std::string stem = path.ends_with(".lua") ? path.substr(0, path.size() - 4) : path;
  const std::string base = stem.ends_with("_test") ? stem.substr(0, stem.size() - 5) : stem;
  return {base + ".lua", base + "_test.lua"};
}

Error no_test(const std::string& script, const std::string& test) {
  return Error{Code::kNotFound, script + " has no test: there is no " + test, "no-test",
               "write " + test +
                   ":\n"
                   "test(\"does it\", function(t)\n"
                   "  local result = t.run {}\n"
                   "  t.ok(result)\n"
                   "end)"};
}

Expected<bool> test_one(Invocation& call, ScriptRunner& runner, const std::string& path) {
  const auto [script_path, test_path] = script_and_test(path);
  const auto script = read_source(script_path);
  if (!script) return script.error();
  std::error_code ec;
  if (!fs::exists(test_path, ec)) return Failure(no_test(script_path, test_path));
  const auto test = read_source(test_path);
  if (!test) return test.error();
  const auto manifest = runner.inspect(script->file, script->text);
  if (!manifest) return manifest.error();
  const json::object params{{"script", script->text},
                            {"script_file", script->file},
                            {"test", test->text},
                            {"test_file", test->file},
                            {"schema", parse_json(manifest->params.text()).value()}};
  const auto ended = runner.run("skep_script_tests.lua", kTestHarness, to_text(params), Millis{0},
                                printing(call.console));
  if (!ended) return ended.error();
  if (ended->kind != model::OutcomeKind::kSucceeded) return failure_of(*ended);
  return get_int(parse_json(ended->result).value().get_object(), "failed") == 0;
}

Expected<int> test(Invocation& call) {
  auto runner = open_runner(call);
  if (!runner) return runner.error();
  bool good = true;
  for (const std::string& path : call.args.all("FILE")) {
    const auto passed = test_one(call, **runner, path);
    if (!passed) return passed.error();
    good = *passed && good;
  }
  return good ? 0 : 1;
}

}  // namespace

std::vector<Command> script_commands() {
  Command made{"script new", "write a script and its test where the node finds them"};
  made.positionals = {{"NAME", "the task type"}};
  made.options = config_options();
  made.options.push_back({"dir", 0, "FOLDER", "write here instead"});
  made.examples = {"skep script new hello -c node.toml", "skep script new hello --dir ."};
  made.run = make_script;
  Command linted{"script lint",
                 "load scripts, without their run(), and check names and permissions"};
  linted.positionals = {{"FILE", "a script", true, {}, true}};
  linted.options = {language_option()};
  linted.notes = "With -c FILE (or SKEP_CONFIG) also: permissions that this node does not grant.";
  linted.examples = {"skep script lint disk_check.lua -c node.toml"};
  linted.run = lint;
  Command tested{"script test", "run NAME_test.lua of scripts, TAP on stdout"};
  tested.positionals = {{"FILE", "a script, or its test", true, {}, true}};
  tested.options = {language_option()};
  tested.run = test;
  Command ran{"script run", "run a script once here, without a node, with all that it declares"};
  ran.positionals = {{"FILE", "a script"}};
  ran.options = {
      {"param", 'p', "KEY=VALUE", "a parameter; @FILE reads a file", true},
      {"timeout", 0, "TIME", "longest run, such as 30s or 5m, instead of the script's own"},
      language_option()};
  ran.examples = {"skep script run disk_check.lua -p threshold=80"};
  ran.run = run_one;
  return {std::move(made), std::move(linted), std::move(tested), std::move(ran), list_command()};
}

}  // namespace skep::cli
