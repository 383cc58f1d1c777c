// What happens with plugins under development: their events and their tasks that end badly.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/cli/base/sse_reader.hpp"
#include "core/cli/plugin/install.hpp"

namespace skep::cli {

/// One thread. A node or control plane that does not answer has nothing to tell.
class PluginTail {
 public:
  /// What happened before this moment is not told.
  explicit PluginTail(Invocation& call);
  /// From now on also about this plugin.
  void follow(const Installed& plugin);
  /// Prints what happened since the last look: each event of the plugins, and each task of their
  /// types that ended without success, with what it wrote.
  void look();

 private:
  void look_at_events(bool tell);
  void look_at_tasks(const std::string& type, bool tell);
  void tell_task(Client& api, const json::object& task);

  Invocation& call_;
  std::optional<Client> node_;
  SseReader reader_;
  std::set<std::string> ids_;
  std::map<std::string, std::set<std::string>> ended_;  ///< ids of tasks, by type
  int pauses_ = 0;  ///< looks without tasks, after a control plane did not answer
};

}  // namespace skep::cli
