// skep plugin check: the conformance kit
#include "core/cli/plugin/verbs.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>

#include "core/cli/base/invocation.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/conformance/check.hpp"
#include "core/conformance/report.hpp"
#include "core/conformance/test_case.hpp"

namespace skep::cli {
namespace {

constexpr const char* kChildCommand = "__plugin-test";

std::vector<Option> document_options() {
  return {{"settings", 0, "JSON", "settings for components that need some; @FILE reads a file"},
          {"params", 0, "JSON", "parameters that make the task do its work; @FILE reads a file"},
          {"seed", 0, "N", "seed of everything random (1)"}};
}

Result<conformance::CheckOptions> options_of(Invocation& call) {
  conformance::CheckOptions o;
  o.file = call.args.get("FILE");
  for (auto [name, to] : {std::pair{"settings", &o.settings}, std::pair{"params", &o.params}})
    if (call.args.has(name)) {
      auto text = call.text_argument(call.args.get(name), std::string("--") + name);
      if (!text) return text.error();
      *to = std::move(*text);
    }
  const auto seed = call.args.integer("seed", 1);
  if (!seed) return seed.error();
  o.seed = static_cast<std::uint64_t>(*seed);
  return o;
}

/// What this command was, for the message of a test that broke.
std::string again(const Invocation& call, const conformance::CheckOptions& o) {
  std::string out = "skep plugin check " + shell_word(o.file) + " --seed " + std::to_string(o.seed);
  for (const char* name : {"settings", "params"})
    if (call.args.has(name))
      out += " --" + std::string(name) + " " + shell_word(call.args.get(name));
  return out + " --in-process";
}

Status write_junit(const std::string& path, const std::string& file,
                   const std::vector<conformance::Finding>& findings) {
  std::ofstream out(path, std::ios::trunc);
  out << conformance::junit_xml(file, findings);
  out.close();
  if (!out) return errno_error("write " + path, errno);
  return {};
}

Expected<int> check(Invocation& call) {
  auto options = options_of(call);
  if (!options) return options.error();
  options->tiers = call.args.all("tier");
  options->only = call.args.get("only");
  options->component = call.args.get("component");
  options->in_process = call.args.has("in-process");
  const auto timeout = call.args.duration("test-timeout", std::chrono::seconds(30));
  if (!timeout) return timeout.error();
  if (timeout->count() == 0)
    return Failure(usage_error("--test-timeout is 0", "--test-timeout 30s"));
  options->timeout = *timeout;
  options->child = {"/proc/self/exe", kChildCommand,   "--settings", options->settings,
                    "--params",       options->params, "--seed",     std::to_string(options->seed)};
  conformance::TapReport tap(call.console.out, again(call, *options));
  const bool silent = !call.for_people();
  const auto found = conformance::check(
      *options, {[&](std::size_t n) { silent ? void() : tap.plan(n); },
                 [&](const conformance::Finding& f) { silent ? void() : tap.finding(f); }});
  if (!found) return found.error();
  if (silent) call.console.out << conformance::report_json(options->file, *found) << '\n';
  if (call.args.has("junit"))
    if (const auto written = write_junit(call.args.get("junit"), options->file, *found); !written)
      return written.error();
  const std::size_t broken = conformance::count(*found, conformance::TestStatus::kBroken);
  if (broken == 0) return 0;
  call.console.note(std::to_string(broken) + " of " + std::to_string(found->size()) +
                    " tests failed; \"fix\" says what to change, \"again\" repeats one of them");
  return 1;
}

Expected<int> child(Invocation& call) {
  const auto options = options_of(call);
  if (!options) return options.error();
  conformance::run_child(*options, call.args.get("TEST"), call.args.get("COMPONENT"));
  return 0;
}

std::string line(const std::string& id, const std::string& rule) {
  constexpr std::size_t kColumn = 34;
  return "  " + id + std::string(id.size() < kColumn ? kColumn - id.size() : 1, ' ') + rule + "\n";
}

std::string notes() {
  std::string out = "Tests, each in a process of its own:\n";
  std::map<std::string, int> of_kinds;
  for (const conformance::TestCase& t : conformance::test_cases())
    if (t.is_of_kind_contract)
      ++of_kinds[t.id.substr(0, t.id.find('-') + 1) + "*"];
    else
      out += line(t.id, t.rule);
  for (const auto& [ids, count] : of_kinds)
    out += line(ids, std::to_string(count) + " of the kind's contract; TAP names them");
  out.pop_back();
  return out;
}

}  // namespace

std::vector<Command> check_commands() {
  Command c{"plugin check", "does a plugin keep the rules? The conformance kit, as TAP"};
  c.positionals = {{"FILE", "NAME.so"}};
  c.options = {{"tier",
                0,
                "TIER",
                "static, lifecycle, contract, hygiene, reload or modes",
                true,
                {conformance::tiers().begin(), conformance::tiers().end()}},
               {"only", 0, "TEST", "one test; NAME* for all that begin so"},
               {"component", 0, "NAME", "one component"},
               {"in-process", 0, "", "run the tests in this process, for a debugger"},
               {"test-timeout", 0, "TIME", "longest time of one test (30s)"},
               {"tap", 0, "", "TAP version 14 on stdout, the default; -o json for one document"},
               {"junit", 0, "FILE", "write JUnit XML as well"}};
  for (Option& o : document_options()) c.options.push_back(std::move(o));
  c.notes = notes();
  c.examples = {"skep plugin check b/hello.so",
                "skep plugin check b/hello.so --only contract.views",
                "skep plugin check b/queue.so --only 'contract.queue-*'"};
  c.run = check;
  Command one{kChildCommand, "one test of the conformance kit"};
  one.positionals = {{"FILE", ""}, {"TEST", ""}, {"COMPONENT", "", false}};
  one.options = document_options();
  one.hidden = true;
  one.run = child;
  return {std::move(c), std::move(one)};
}

}  // namespace skep::cli
