#include "core/plugin/plugin_status.hpp"

#include "core/plugin/plugin_files.hpp"

namespace skep::plugin {

void PluginStatus::serves(const Recipe& recipe) {
  PluginInfo info;
  describe(recipe.manifest, info);
  info.path = recipe.source;
  info.sha256 = recipe.file.sha256;
  info.state = PluginState::kLoaded;
  const MutexLock lock(mutex_);
  serving_ = std::move(info);
  trouble_ = {};
}

void PluginStatus::serves_nothing() {
  const MutexLock lock(mutex_);
  serving_.reset();
}

void PluginStatus::set_trouble(Trouble trouble) {
  const MutexLock lock(mutex_);
  trouble_ = std::move(trouble);
}

void PluginStatus::set_shadowed(std::map<std::string, std::string> owners) {
  const MutexLock lock(mutex_);
  shadowed_ = std::move(owners);
}

Trouble PluginStatus::trouble() const {
  const MutexLock lock(mutex_);
  return trouble_;
}

std::optional<PluginInfo> PluginStatus::shown(const PluginInfo* file) const {
  PluginInfo info;
  {
    const MutexLock lock(mutex_);
    if (serving_)
      info = *serving_;
    else if (file != nullptr)
      info = *file;
    else
      return std::nullopt;
    info.reason = trouble_.reason;
    if (serving_)
      for (const auto& [type, owner] : shadowed_)
        info.reason += (info.reason.empty() ? "" : "\n") + ("task type \"" + type) +
                       "\" is not served: " + owner +
                       " serves that name\n  next: rename one of the two, or turn one off";
    info.failed_sha256 = trouble_.sha256;
  }
  for (const std::string& hang : generations_.hangs())
    info.reason += (info.reason.empty() ? "" : "\n") + hang +
                   "\n  next: see what it waits for, such as its disk; skep plugin reload " +
                   info.id + ", or restart the node";
  if (file != nullptr) {
    info.path = file->path;
    if (file->state == PluginState::kRefused) {  // the newest word on the file that is there
      info.reason = file->reason + (info.reason.empty() ? "" : "\n" + info.reason);
      info.failed_sha256 = file->sha256;
    } else if (info.reason.empty()) {
      info.reason = file->reason;
    }
  }
  info.generations = generations_.infos();
  return info;
}

}  // namespace skep::plugin
