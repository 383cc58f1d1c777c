// skep script publish, skep plugin publish
#include "core/cli/registry/verbs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "core/base/base64.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/placement.hpp"
#include "core/cli/base/script_runner.hpp"
#include "core/cli/registry/release_file.hpp"
#include "core/cli/registry/rollout_wait.hpp"

namespace skep::cli {
namespace {

constexpr Millis kLeastPause{100};

/// 2 as a number, 10% as text.
Result<json::value> canary_of(const std::string& text) {
  const bool percent = text.ends_with('%');
  const auto n = to_int(percent ? text.substr(0, text.size() - 1) : text);
  if (!n || *n < 1 || (percent && *n > 100))
    return usage_error("--canary \"" + text + "\" is neither a count of workers nor a percentage",
                       "--canary 2   or   --canary 10%");
  if (percent) return json::value(text);
  return json::value(*n);
}

Result<json::object> request_of(Invocation& call, const ReleaseFile& file) {
  json::object o{{"kind", file.kind}, {"name", file.name}, {"version", file.version}};
  if (!file.signature.empty()) o["signature"] = file.signature;
  json::array types;
  json::object schemas;
  for (const auto& [type, schema] : file.types) {
    types.emplace_back(type);
    auto document = parse_json(schema);
    if (!document) return document.error().within("schema of " + type);
    schemas[type] = std::move(*document);
  }
  o["types"] = std::move(types);
  o["schemas"] = std::move(schemas);
  if (call.args.has("force")) o["force"] = true;
  const auto sites = call.args.all("site");
  json::array targets(sites.begin(), sites.end());
  o["sites"] = std::move(targets);
  if (call.args.has("canary")) {
    auto canary = canary_of(call.args.get("canary"));
    if (!canary) return canary.error();
    o["canary"] = std::move(*canary);
  }
  for (const auto& [option, needs] : {std::pair{"hold", "canary"}, {"promote-after", "canary"}})
    if (call.args.has(option) && !call.args.has(needs))
      return usage_error(fmt::format("--{} is for canaries", option),
                         "--canary 2 --" + std::string(option));
  if (call.args.has("hold")) o["hold"] = true;
  if (call.args.has("promote-after")) {
    const auto time = call.args.duration("promote-after", Millis{0});
    if (!time) return time.error();
    o["promote_after_seconds"] = static_cast<double>(time->count()) / 1'000;
  }
  o["content"] = base64_encode(file.content);
  return o;
}

/// Again while it looks at another script: when it asks for that, for at most `patience` (0 =
/// always).
Expected<json::value> send(Client& api, const Console& console, const std::string& body,
                           Millis patience) {
  Clock& clock = console.clock();
  const MonoMs until = clock.mono_ms() + patience.count();
  for (;;) {
    auto answer = api.post("/api/registry/releases", body);
    if (answer || answer.error().error.code != Code::kBusy) return answer;
    const Millis pause = std::max(answer.error().error.retry_after, kLeastPause);
    if (patience.count() > 0 && clock.mono_ms() + pause.count() > until) return answer;
    sleep_or_interrupt(clock, pause);
    if (interrupted()) return Failure(interruption());
  }
}

std::vector<std::string> words_of(const json::object& release, std::string_view key) {
  std::vector<std::string> out;
  if (const json::value* v = release.if_contains(key); v != nullptr && v->is_array())
    for (const auto& word : v->get_array())
      if (word.is_string()) out.emplace_back(word.get_string());
  return out;
}

std::string target_words(const json::object& release) {
  const auto sites = words_of(release, "sites");
  std::string out = sites.empty() ? "every site" : "site " + join(sites, ", ");
  if (const auto canaries = words_of(release, "canaries"); !canaries.empty())
    out += "; first on " + join(canaries, ", ");
  return out;
}

Expected<int> publish(Invocation& call, const Expected<ReleaseFile>& file) {
  if (!file) return file.error();
  const auto limit = call.args.duration("wait-timeout", Millis{60'000});
  if (!limit) return limit.error();
  const auto body = request_of(call, *file);
  if (!body) return body.error();
  const auto patience = call.args.duration("timeout", Millis{30'000});
  if (!patience) return patience.error();
  auto api = call.api();
  if (!api) return api.error();
  const bool wait = call.args.has("wait");
  if (wait) catch_interrupts();
  const auto made = send(**api, call.console, json::serialize(*body), *patience);
  if (!made) return made.error();
  const json::object& release = made->get_object();
  if (!print_document(call.console, call.format, *made, "name"))
    call.console.out << fmt::format(
        "{} {} {} {}{} to {}\n", file->kind, printable(file->name), printable(file->version),
        get_bool(release, "existed") ? "was already published" : "published",
        file->signature.empty() ? "" : " (signed)", printable(target_words(release)));
  for (const std::string& change : words_of(release, "schema_changes"))
    call.console.note("warning: " + printable(change));
  warn_of_empty_sites(call, **api, words_of(release, "sites"));
  if (!wait) {
    call.console.note("  next:  skep registry show " + file->name);
    return 0;
  }
  return exit_with_rollout(**api, call.console, file->name, get_int(release, "release"), *limit);
}

Command publish_command(const std::string& noun, const std::string& extension,
                        Expected<ReleaseFile> (*read)(const Invocation&)) {
  Command c{noun + " publish", "give a " + noun + " to the workers of a site, or of all"};
  c.positionals = {{"FILE", "the " + extension + " file; FILE.minisig beside it goes along"}};
  c.options = {
      {"site", 0, "SITE", "for the workers of this site (every site)", true},
      {"canary", 0, "N|P%", "first on so many workers; the others follow when it does well"},
      {"hold", 0, "", "the canary goes on until: skep registry promote NAME"},
      {"promote-after", 0, "TIME", "the canary's time when few tasks run (10m)"},
      {"force", 0, "", "also when its parameters take less than those in force"},
      {"wait", 'w', "", "until every online worker that it is meant for runs it"},
      {"wait-timeout", 0, "TIME", "with --wait: give up waiting after this long (1m)"},
  };
  c.notes =
      "A canary is rolled back by itself when a worker cannot load it, or when at least 5 tasks "
      "ended on canaries and the share that failed is 20 points above that of the other workers. "
      "What takes less than the workers' version does (a new required parameter, one that was "
      "removed, a narrower one) is refused without --force: who sends the old ones breaks. "
      "Exit code 9: it was rolled back, or a worker cannot run it; 7: nobody, or not everybody, "
      "ran "
      "it in time. It stays published: skep registry withdraw NAME.";
  c.examples = {"skep " + noun + " publish disk_check" + extension + " --site site-a --wait",
                "skep " + noun + " publish disk_check" + extension + " --canary 10%"};
  c.run = [read](Invocation& call) { return publish(call, read(call)); };
  return c;
}

}  // namespace

std::vector<Command> publish_commands() {
  Command script = publish_command("script", ".lua", [](const Invocation& call) {
    return read_script(call.args.get("FILE"), call.args.all("plugins"));
  });
  script.options.push_back(language_option());
  return {std::move(script), publish_command("plugin", ".so", [](const Invocation& call) {
            return read_plugin(call.args.get("FILE"));
          })};
}

}  // namespace skep::cli
