#include "core/plugin/names.hpp"

#include <algorithm>
#include <filesystem>

#include "core/base/file.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/plugin/file_list.hpp"

namespace skep::plugin {
namespace {

constexpr std::size_t kMaxNameBytes = std::size_t{4} << 20;

bool may_exist(const std::string& path) {
  std::error_code ec;  // what cannot be told is taken for there
  return std::filesystem::exists(path, ec) || ec;
}

/// "component "disk" of plugin com.b", or "plugin com.b".
std::string bearer(const Manifest& manifest, const std::string& name) {
  return name == manifest.id ? "plugin " + manifest.id
                             : "component \"" + name + "\" of plugin " + manifest.id;
}

Error taken(const Manifest& manifest, const std::string& name, const std::string& owner,
            const std::string& where) {
  std::string next =
      name == manifest.id ? "give the plugin another id" : "give the component another name";
  if (!where.empty())
    next += ", or remove " + owner + " or turn it off: [plugins." + owner + "] enabled = false";
  return Error{
      Code::kDenied,
      bearer(manifest, name) + " has a name that belongs to plugin " + owner +
          (where.empty() ? ", which comes with skep" : ", which had it first (" + where + ")"),
      "name-taken", std::move(next)};
}

Error nobodys(const Manifest& manifest, const std::string& name,
              const std::vector<const PluginFile*>& rivals) {
  std::vector<std::string> others;
  for (const PluginFile* rival : rivals)
    if (rival->info.id != manifest.id)
      others.push_back("plugin " + rival->info.id + " (" + rival->info.path + ")");
  return Error{Code::kDenied,
               bearer(manifest, name) + " has the name that " + join(others, " and ") +
                   " has, too, and neither had it first",
               "name-taken",
               "remove one of the files, or pin the one that you mean: skep plugin lock FILE"};
}

/// A file that is refused holds its names when it served before, and one that cannot be read now.
bool holds_by(const std::vector<PluginFile>& files, const std::string& id, const std::string& path,
              bool served) {
  bool known = false;
  bool refused = false;
  for (const PluginFile& f : files) {
    if (f.info.id == id && f.usable()) return true;
    known = known || f.info.id == id || (f.manifest && f.info.path == path);
    refused = refused || (f.info.id == id && f.info.state == PluginState::kRefused);
  }
  return known ? refused && served : may_exist(path);
}

}  // namespace

std::set<std::string> names_of(const Manifest& manifest) {
  std::set<std::string> out{manifest.id};
  for (const ManifestComponent& c : manifest.components) out.insert(c.name);
  return out;
}

NameBook::NameBook(std::map<std::string, std::string> reserved, std::string path)
    : reserved_(std::move(reserved)), path_(std::move(path)) {
  if (!path_.empty()) load();
}

/// An error number is no verdict on the file, which keep() then leaves alone.
void NameBook::load() {
  decltype(owners_) found;
  const Status read = read_file_list(path_, kMaxNameBytes, [&](const json::object& o) {
    const std::string id = get_string(o, "plugin");
    const json::value* names = o.if_contains("names");
    if (!is_plugin_id(id) || names == nullptr || !names->is_array()) return false;
    Owner& owner = found[id];
    owner.path = get_string(o, "path");
    owner.served = get_bool(o, "served");
    for (const json::value& name : names->get_array())
      if (name.is_string()) owner.names.emplace(name.get_string());
    return true;
  });
  is_read_ = read || read.error().code == Code::kCorrupt;
  if (read) {
    owners_ = std::move(found);
    return;
  }
  log::warn("plugin_names_unreadable",
            {{"path", path_},
             {"error", read.error().message},
             {"effect", "of two plugins with one name neither counts as the first"}});
}

Status NameBook::check(const Manifest& manifest) const {
  for (const std::string& name : names_of(manifest)) {
    if (const auto at = reserved_.find(name); at != reserved_.end() && at->second != manifest.id)
      return taken(manifest, name, at->second, "");
    for (const auto& [id, owner] : owners_)
      if (id != manifest.id && owner.names.contains(name))
        return taken(manifest, name, id, owner.path);
  }
  return {};
}

void NameBook::settle(std::vector<PluginFile>& files, const IsPinned& is_pinned,
                      const Serves& serves) {
  const auto before = owners_;
  release(files, serves);
  for (PluginFile& file : files)
    if (file.usable())
      if (const Status own = check(*file.manifest); !own) file.refuse(own.error().with_advice());
  settle_new(files, is_pinned);
  changed_ = changed_ || owners_ != before;
}

/// Of plugins that are gone, turned off, or were never let in.
void NameBook::release(const std::vector<PluginFile>& files, const Serves& serves) {
  for (auto at = owners_.begin(); at != owners_.end();) {
    auto& [id, owner] = *at;
    const bool serving = serves(id);
    owner.served = owner.served || serving;
    const bool holds = serving || holds_by(files, id, owner.path, owner.served);
    at = holds ? std::next(at) : owners_.erase(at);
  }
}

/// No usable file has a name that somebody else had before.
void NameBook::settle_new(std::vector<PluginFile>& files, const IsPinned& is_pinned) {
  std::map<std::string, std::vector<const PluginFile*>> bearers;
  for (const PluginFile& file : files)
    if (file.usable())
      for (const std::string& name : names_of(*file.manifest)) bearers[name].push_back(&file);
  std::map<const PluginFile*, Error> refused;
  for (const auto& [name, rivals] : bearers) {
    if (rivals.size() < 2) continue;
    std::vector<const PluginFile*> pinned;
    for (const PluginFile* rival : rivals)
      if (is_pinned && is_pinned(rival->info.id)) pinned.push_back(rival);
    for (const PluginFile* rival : rivals) {
      if (pinned.size() != 1)
        refused.try_emplace(rival, nobodys(*rival->manifest, name, rivals));
      else if (rival != pinned.front())
        refused.try_emplace(rival, taken(*rival->manifest, name, pinned.front()->info.id,
                                         pinned.front()->info.path));
    }
  }
  for (PluginFile& file : files) {
    if (!file.usable()) continue;
    if (const auto at = refused.find(&file); at != refused.end())
      file.refuse(at->second.with_advice());
    else
      owners_[file.info.id] = {file.info.path, names_of(*file.manifest),
                               owners_[file.info.id].served};
  }
}

void NameBook::keep() {
  if (path_.empty() || !changed_ || !is_read_) return;
  JsonOut out;
  out.object().key("format").integer(1).key("files").array();
  for (const auto& [id, owner] : owners_) {
    out.object().key("plugin").str(id).key("path").str(owner.path);
    out.key("served").boolean(owner.served).key("names").array();
    for (const std::string& name : owner.names) out.str(name);
    out.end_array().end_object();
  }
  out.end_array().end_object();
  if (const Status written = replace_file(path_, out.text() + "\n", 0600); !written) {
    log::warn("plugin_names_not_kept", {{"error", written.error().message},
                                        {"effect", "a restart forgets who had a name first"}});
    return;
  }
  changed_ = false;
}

}  // namespace skep::plugin
