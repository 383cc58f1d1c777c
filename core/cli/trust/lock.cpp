// skep plugin lock: writes down what a node may load
#include "core/cli/trust/verbs.hpp"

#include <boost/json.hpp>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/plugin_scan.hpp"
#include "core/cli/trust/subject.hpp"
#include "core/plugin/compat.hpp"
#include "core/trust/lock_file.hpp"
#include "core/trust/version.hpp"

namespace skep::cli {
namespace {

using trust::Candidate;
using trust::LockFile;
using trust::Pin;

struct Request {
  trust::Settings settings;
  std::vector<Candidate> files;
};

/// Every plugin that could be loaded; what is refused or shadowed has no pin.
std::vector<Candidate> candidates_of(const std::vector<plugin::PluginInfo>& plugins) {
  std::vector<Candidate> out;
  const std::string abi = "skep/" + std::to_string(plugin::host_abi().major);
  for (const plugin::PluginInfo& p : plugins)
    if (p.state != plugin::PluginState::kRefused)
      out.push_back({p.id, p.version, abi, p.sha256, p.path, p.path});
  return out;
}

Expected<Request> request_of(Invocation& call) {
  Request out;
  std::optional<config::Config> config;
  if (call.args.has("FILE")) {
    auto subject = subject_of(call, call.args.get("FILE"));
    if (!subject) return subject.error();
    out.files = {std::move(subject->candidate)};
    if (call.args.has("config")) {
      auto loaded = load_config(call);
      if (!loaded) return loaded.error();
      config = std::move(loaded->config);
    }
  } else {
    auto scanned = scan_plugins(call);
    if (!scanned) return scanned.error();
    out.files = candidates_of(scanned->plugins);
    config = std::move(scanned->config);
  }
  if (config) {
    auto settings = trust::Settings::from(config->trust);
    if (!settings) return settings.error();
    out.settings = std::move(*settings);
  }
  if (call.args.has("lock-file")) out.settings.lock_file = call.args.get("lock-file");
  if (out.settings.lock_file.empty()) out.settings.lock_file = "plugins.lock";
  return out;
}

/// The key that signed the file. A signature that does not hold is an error, whatever the policy.
Result<std::string> key_of(const trust::Settings& settings, const Candidate& a) {
  const bool trusts_somebody = !settings.keys.keys_for(a.id).empty();
  const auto text = trust::read_regular_file(a.source + ".minisig", kMaxSignatureBytes);
  const bool is_unsigned = !text && text.error().code == Code::kNotFound;
  if (!settings.signature && (is_unsigned || !trusts_somebody)) return std::string();
  const auto judgement = trust::judge_signature(settings, a);
  SKEP_TRY(judgement.verdict(a, settings));
  return judgement.key;
}

Result<Pin> pin_of(const trust::Settings& settings, const Candidate& a, const Pin* before,
                   bool may_go_back) {
  auto key = key_of(settings, a);
  if (!key) return key.error();
  Pin out{a.version, a.sha256, std::move(*key), a.version};
  if (before == nullptr) return out;
  const bool older = trust::compare_versions(a.version, before->min_version) < 0;
  if (older && !may_go_back)
    return Error{Code::kDenied,
                 a.id + " " + a.version + " is older than min_version " + before->min_version +
                     " of the lock: " + a.source,
                 "rollback", "install the newer one, or: skep plugin lock --allow-rollback"};
  // A floor that somebody lowered by hand stays until the version changes.
  if (!older && before->version == a.version) out.min_version = before->min_version;
  return out;
}

json::object change_of(const std::string& id, const Pin* before, const Pin* after) {
  json::object out{{"id", id}};
  out["change"] = before == nullptr ? "added" : (after == nullptr ? "removed" : "changed");
  for (const auto& [name, pin] : {std::pair{"before", before}, {"after", after}}) {
    if (pin == nullptr) continue;
    out[name] = json::object{{"version", pin->version},
                             {"sha256", pin->sha256},
                             {"key", pin->key},
                             {"min_version", pin->min_version}};
  }
  return out;
}

json::array changes(const LockFile& before, const LockFile& after) {
  json::array out;
  const auto find = [](const LockFile& lock, const std::string& id) {
    const auto at = lock.pins.find(id);
    return at == lock.pins.end() ? nullptr : &at->second;
  };
  for (const auto& [id, pin] : before.pins)
    if (const Pin* now = find(after, id); now == nullptr || *now != pin)
      out.push_back(change_of(id, &pin, now));
  for (const auto& [id, pin] : after.pins)
    if (find(before, id) == nullptr) out.push_back(change_of(id, nullptr, &pin));
  return out;
}

/// "1.0.0", or "1.0.0 -> 1.1.0" where it changed.
Cell transition(const json::object& change, const char* member) {
  std::vector<std::string> parts;
  for (const char* side : {"before", "after"})
    if (const json::value* pin = change.if_contains(side)) {
      std::string text = get_string(pin->get_object(), member).substr(0, 16);
      if (text.empty()) text = "-";
      if (parts.empty() || parts.back() != text) parts.push_back(std::move(text));
    }
  return join(parts, " -> ");
}

std::vector<Column> change_columns() {
  std::vector<Column> out{
      {"CHANGE", [](const json::object& o) { return Cell(get_string(o, "change")); }},
      {"ID", [](const json::object& o) { return Cell(get_string(o, "id")); }}};
  for (const auto& [title, member] : {std::pair{"VERSION", "version"},
                                      {"SHA256", "sha256"},
                                      {"KEY", "key"},
                                      {"MIN", "min_version"}})
    out.push_back(
        {title, [member = member](const json::object& o) { return transition(o, member); }});
  return out;
}

Expected<int> lock(Invocation& call) {
  const auto request = request_of(call);
  if (!request) return request.error();
  const std::string& path = request->settings.lock_file;
  auto before = LockFile::read(path);
  if (!before && before.error().code != Code::kNotFound) return before.error();
  const LockFile old = before ? std::move(*before) : LockFile{};
  LockFile now = call.args.has("prune") ? LockFile{} : old;
  for (const Candidate& a : request->files) {
    const auto at = old.pins.find(a.id);
    const Pin* pinned = at == old.pins.end() ? nullptr : &at->second;
    auto pin = pin_of(request->settings, a, pinned, call.args.has("allow-rollback"));
    if (!pin) return pin.error();
    now.pins[a.id] = std::move(*pin);
  }
  json::array items = changes(old, now);
  const std::size_t count = items.size();
  const json::object document{{"items", std::move(items)}, {"next_cursor", nullptr}};
  print_list(call.console, call.format, document, change_columns(), "id", path + " is up to date");
  if (count == 0) return 0;
  if (call.args.has("check"))
    return Failure(Error{Code::kState, path + " differs in " + std::to_string(count), "lock-drift",
                         "look at the list, then the same command without --check"});
  SKEP_TRY(now.write(path));
  call.console.note("wrote " + path);
  return 0;
}

}  // namespace

Command lock_command() {
  Command one{"plugin lock", "write down version, hash and signer of every plugin in plugins.lock"};
  one.positionals = {{"FILE", "pin this plugin or script alone", false}};
  one.options = plugin_options();
  one.options.push_back(
      {"lock-file", 0, "FILE", "write this one ([trust] lock_file, plugins.lock)"});
  one.options.push_back({"check", 0, "", "only show what differs; an error when something does"});
  one.options.push_back({"allow-rollback", 0, "", "take versions older than min_version"});
  one.options.push_back({"prune", 0, "", "drop pins of files that are not there"});
  for (Option& o : subject_options()) one.options.push_back(std::move(o));
  one.notes =
      "Pins of other ids stay, unless --prune. min_version rises with the version, so that "
      "nothing\n"
      "older is loaded later, whoever signed it.";
  one.examples = {"skep plugin lock -c node.toml", "skep plugin lock -c node.toml --check",
                  "skep plugin lock disk_check.lua --id disk_check --version 1.0.0 -c node.toml"};
  one.run = lock;
  return one;
}

}  // namespace skep::cli
