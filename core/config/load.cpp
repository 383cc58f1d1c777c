#include "core/config/load.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <set>

#include "core/base/describe.hpp"
#include "core/base/duration.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/config/layers.hpp"

namespace skep::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxShown = 50;
/// Sections whose inner tables belong to the plugin, script or secret that they name.
constexpr std::array<std::string_view, 3> kOwners{"plugins.", "scripts.", "secrets."};

/// One that is gone keeps its name: a node that was started there means the same by it as before.
fs::path working_folder(std::error_code& ec) {
  constexpr std::string_view kGone = " (deleted)";
  fs::path folder = fs::current_path(ec);
  if (ec != std::errc::no_such_file_or_directory) return folder;
  std::string name = fs::read_symlink("/proc/self/cwd", ec).string();
  if (name.ends_with(kGone)) name.resize(name.size() - kGone.size());
  return name;
}

/// "plugins." of "plugins.docker"; "" when it is no such section.
std::string_view owner_prefix(std::string_view section) {
  for (const std::string_view prefix : kOwners)
    if (section.starts_with(prefix)) return prefix;
  return {};
}

class Loader {
 public:
  explicit Loader(const LoadOptions& options) : options_(options) {}

  Inspected run() {
    find_folders();
    apply_defaults();
    if (!options_.path.empty()) apply_all(read_toml(options_.path, problems_, options_.salvage), 0);
    const std::size_t before = problems_.size();
    apply_all(read_environment(options_.environment, problems_, out_.warnings), before);
    for (const auto& [path, text] : options_.overrides) apply_override(path, text);
    choose_roles();
    leave_foreign_spool_alone();
    place_lock_file();
    for (Problem& problem : check_together(out_)) problems_.push_back(std::move(problem));
    return {std::move(out_), lines(), plugins_are_clear_};
  }

 private:
  void find_folders() {
    std::error_code ec;
    working_folder_ = working_folder(ec);
    if (ec) report("", {}, "the working directory cannot be found: " + ec.message());
    file_folder_ = (working_folder_ / options_.path).parent_path();
  }

  void apply_defaults() {
    for (const Key& key : keys()) store(key, get(out_.config, key), {});
  }

  /// A layer that had more than `before` problems while it was read may lack any key.
  void apply_all(const std::vector<Entry>& entries, std::size_t before) {
    if (problems_.size() > before) plugins_are_clear_ = false;
    for (const Entry& entry : entries) apply(entry);
  }

  void apply(const Entry& entry) {
    if (entry.name.empty()) return apply_section(entry);
    if (unknown_sections_.contains(entry.section)) return;
    if (const Key* key = find_key(entry.section, entry.name)) return apply_key(*key, entry);
    if (const ComponentSection* at = find_component_section(entry.section))
      return apply_component_member((out_.config.*at->table).table, entry);
    if (const std::string_view prefix = owner_prefix(entry.section); !prefix.empty())
      return apply_owned(table_of(entry.section, prefix), entry);
    report(entry.section, entry.origin, unknown(entry));
  }

  void apply_section(const Entry& entry) {
    const auto& known = section_names();
    if (const std::string_view prefix = owner_prefix(entry.section); !prefix.empty()) {
      const std::string owner = entry.section.substr(prefix.size());
      if (is_name(owner)) return void(table_of(entry.section, prefix));
      report(entry.section, entry.origin,
             "\"" + shorten(owner) + "\" cannot be the name of a " +
                 std::string(prefix.substr(0, prefix.size() - 2)));
    } else if (std::find(known.begin(), known.end(), entry.section) != known.end()) {
      return;
    } else {
      report(
          "", entry.origin,
          "unknown section [" + shorten(entry.section) + "]; " + suggestion(entry.section, known));
    }
    unknown_sections_.insert(entry.section);
  }

  std::string& table_of(const std::string& section, std::string_view prefix) {
    Config& c = out_.config;
    auto& tables = prefix == kOwners[0]   ? c.plugins.tables
                   : prefix == kOwners[1] ? c.scripts.tables
                                          : c.secrets;
    return tables.try_emplace(section.substr(prefix.size()), "{}").first->second;
  }

  void apply_key(const Key& key, const Entry& entry) {
    json::value value = entry.value;
    const std::vector<std::string> wrong = check_value(key, value);
    for (const std::string& message : wrong) report(entry.section, entry.origin, message);
    if (wrong.empty()) store(key, std::move(value), entry.origin);
  }

  void store(const Key& key, json::value value, const Origin& origin) {
    if (key.format == Format::kPath) make_absolute(value, origin);
    remember_covered(key.path(), get(out_.config, key), origin);
    set(out_.config, key, value);
    out_.origins[key.path()] = origin;
  }

  void remember_covered(const std::string& path, const json::value& value, const Origin& by) {
    const auto under = out_.origins.find(path);
    const bool of_file = under != out_.origins.end() && under->second.kind == Layer::kFile;
    if (of_file && by.kind != Layer::kFile) out_.covered[path] = to_text(value);
  }

  void make_absolute(json::value& value, const Origin& origin) const {
    const fs::path& base = origin.kind == Layer::kFile ? file_folder_ : working_folder_;
    if (auto* list = value.if_array()) {
      for (json::value& item : *list) make_absolute(item, origin);
    } else if (!value.get_string().empty()) {
      const fs::path whole = (base / std::string(value.get_string())).lexically_normal();
      value = whole.has_filename() ? whole.string() : whole.parent_path().string();
    }
  }

  /// "path" is the one member of a component's table that is known to be a path.
  void apply_component_member(std::string& table, Entry entry) {
    if (entry.name == "path" && entry.value.is_string()) make_absolute(entry.value, entry.origin);
    apply_member(table, std::move(entry));
  }

  /// Of a secret "file" is a path.
  void apply_owned(std::string& table, Entry entry) {
    const bool is_file = entry.section.starts_with(kOwners[2]) && entry.name == "file";
    if (is_file && entry.value.is_string()) make_absolute(entry.value, entry.origin);
    apply_member(table, std::move(entry));
  }

  /// A member that says it is in seconds takes a text with a unit, as the keys above do.
  static void read_seconds(std::string_view name, json::value& value) {
    if (json::object* object = value.if_object())
      for (auto& [key, member] : *object) read_seconds(key, member);
    if (!name.ends_with("_seconds") || !value.is_string()) return;
    if (const auto seconds = parse_duration_with_unit(value.get_string())) value = *seconds;
  }

  void apply_member(std::string& table, Entry entry) {
    read_seconds(entry.name, entry.value);
    const std::string path = entry.section + "." + entry.name;
    if (const std::string why = check_member(entry.value); !why.empty())
      return report(entry.section, entry.origin, shorten(path) + " " + why);
    json::object members = std::move(parse_json(table).value().get_object());
    if (const json::value* under = members.if_contains(entry.name))
      remember_covered(path, *under, entry.origin);
    members[entry.name] = entry.value;
    table = to_text(members);
    out_.origins[path] = entry.origin;
  }

  /// Where the name of the key begins: [scripts] and [plugins] have keys of their own as well.
  static std::size_t owner_of_override(const std::string& path) {
    return owner_prefix(path).empty() ? path.find('.') : path.rfind('.');
  }

  void apply_override(const std::string& path, const std::string& text) {
    const Origin origin{Layer::kFlag, {}, 0, 0, path};
    const std::size_t dot = owner_of_override(path);
    const std::string section = path.substr(0, dot);
    if (dot == std::string::npos || dot + 1 == path.size() || dot == 0)
      return report("", origin, "expected section.key=value, such as worker.concurrency=8");
    const std::string name = path.substr(dot + 1);
    const std::size_t before = problems_.size();
    apply_section({section, "", nullptr, origin});
    if (problems_.size() > before) return;
    const Key* key = find_key(section, name);
    apply({section, name, key != nullptr ? from_text(*key, text) : from_text(text), origin});
  }

  std::string unknown(const Entry& entry) const {
    const auto& sections = section_names();
    if (entry.section.empty() &&
        std::find(sections.begin(), sections.end(), entry.name) != sections.end())
      return entry.name + " is " + describe(entry.value) + "; expected a table, [" + entry.name +
             "]";
    const std::string whole =
        entry.section.empty() ? shorten(entry.name) : shorten(entry.section + "." + entry.name);
    const std::string says = "unknown key " + whole + "; ";
    const auto here = key_names(entry.section);
    if (nearest(entry.name, here).empty())
      if (const std::string other = elsewhere(entry.name); !other.empty()) return says + other;
    return says + (here.empty() ? "every key belongs into a table: " + join(sections, ", ")
                                : suggestion(entry.name, here));
  }

  /// Where a key of this name does belong.
  static std::string elsewhere(const std::string& name) {
    std::vector<std::string> places;
    for (const std::string& section : section_names())
      if (find_key(section, name) != nullptr) places.push_back("[" + section + "]");
    if (!places.empty()) return name + " belongs into " + join(places, " or ");
    const Key* key = key_of_alias(name);
    return key == nullptr ? "" : "did you mean " + key->path() + "?";
  }

  /// The key that a runbook's variable sets: "worker_id" and "offline_dir" are WORKER_ names.
  static const Key* key_of_alias(const std::string& name) {
    const std::string variable = upper(name);
    for (const Key& key : keys())
      for (const std::string_view alias : key.aliases)
        if (alias == variable || alias == "WORKER_" + variable) return &key;
    return nullptr;
  }

  /// Who is told for whom it works, and not what it is, is no control plane beside it.
  void choose_roles() {
    const auto is_said = [&](const char* key) {
      return out_.origins.at(key).kind != Layer::kDefault;
    };
    if (!is_said("node.roles") && is_said("worker.control_plane_url"))
      out_.config.node.roles = {"worker"};
  }

  /// Another spool than the shipped one need not know "dir": it gets it when somebody wrote it.
  void leave_foreign_spool_alone() {
    const auto dir = out_.origins.find("spool.dir");
    if (out_.config.spool.plugin == Config{}.spool.plugin || dir->second.kind != Layer::kDefault)
      return;
    json::object members = std::move(parse_json(out_.config.spool.table).value().get_object());
    members.erase("dir");
    out_.config.spool.table = to_text(members);
    out_.origins.erase(dir);
  }

  void place_lock_file() {
    std::string& lock = out_.config.trust.lock_file;
    if (lock.empty()) lock = (file_folder_ / "plugins.lock").lexically_normal().string();
  }

  void report(const std::string& section, const Origin& origin, std::string message) {
    constexpr std::array<std::string_view, 6> kApart{"http", "control", "worker",
                                                     "log",  "scripts", "secrets"};
    if (std::find(kApart.begin(), kApart.end(), section) == kApart.end())
      plugins_are_clear_ = false;
    problems_.push_back({origin, std::move(message)});
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const Problem& p : problems_) {
      if (out.size() == kMaxShown) {
        out.push_back("and " + std::to_string(problems_.size() - kMaxShown) + " more");
        break;
      }
      out.push_back(to_string(p.origin) + ": " + p.message);
    }
    return out;
  }

  const LoadOptions& options_;
  fs::path working_folder_;
  fs::path file_folder_;
  Loaded out_;
  std::vector<Problem> problems_;
  std::set<std::string> unknown_sections_;
  bool plugins_are_clear_ = true;
};

}  // namespace

std::string to_string(const Origin& origin) {
  switch (origin.kind) {
    case Layer::kDefault:
      return "default";
    case Layer::kEnvironment:
      return "env " + origin.name;
    case Layer::kFlag:
      return "flag " + origin.name;
    case Layer::kFile:
      break;
  }
  if (origin.line == 0) return origin.file;
  return origin.file + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
}

bool says_nothing(const Loaded& loaded) {
  return std::all_of(loaded.origins.begin(), loaded.origins.end(),
                     [](const auto& origin) { return origin.second.kind == Layer::kDefault; });
}

std::string place_of(const Loaded& loaded, const std::string& key) {
  const auto origin = loaded.origins.find(key);
  if (origin == loaded.origins.end() || origin->second.kind == Layer::kDefault) return {};
  return to_string(origin->second) + ": ";
}

Error with_place(const Loaded& loaded, Error error) {
  const Origin* place = nullptr;
  std::size_t nearest_at = std::string::npos;
  for (const auto& [path, origin] : loaded.origins) {
    const std::size_t dot = path.rfind('.');
    const std::string section = "[" + path.substr(0, dot) + "]";
    const std::size_t begin = error.message.find(section);
    if (begin == std::string::npos) continue;
    const std::size_t behind = begin + section.size();
    const std::size_t at = error.message.find(path.substr(dot + 1), behind);
    // "[spool] dir: .." is about that key, also when nobody wrote it.
    if (origin.kind == Layer::kDefault && at != behind + 1) continue;
    if (place != nullptr && at >= nearest_at) continue;
    place = &origin;
    nearest_at = at;
  }
  if (place != nullptr && place->kind != Layer::kDefault)
    error.message.insert(0, to_string(*place) + ": ");
  return error;
}

Inspected inspect(const LoadOptions& options) { return Loader(options).run(); }

Result<Loaded> load(const LoadOptions& options) {
  Inspected found = inspect(options);
  if (!found.problems.empty()) return problems_error(found.problems, options.path);
  return std::move(found.loaded);
}

Error problems_error(const std::vector<std::string>& problems, const std::string& path) {
  Error error = config_error(join(problems, "\n")).named("config");
  if (path.empty()) return error;
  return std::move(error).with_next("correct it, then: skep config check -c " + path);
}

}  // namespace skep::config
