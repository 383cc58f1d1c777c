// The registry's own thread: sees files change, and takes generations back that failed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/folder_watch.hpp"
#include "core/base/service.hpp"
#include "core/plugin/condemned.hpp"

namespace skep::plugin {

class RegistryThread final : public Service {
 public:
  /// `look` runs when files of the folders have changed, and now and then; `roll_back` for each
  /// that was condemned. Both on this thread.
  RegistryThread(std::vector<std::string> folders, std::shared_ptr<CondemnedList> condemned,
                 std::function<void()> look, std::function<void(const Condemned&)> roll_back);
  ~RegistryThread() override;
  /// Look now. [any]
  void wake() { files_.wake(); }

 private:
  void run(std::stop_token stop) override;

  FolderWatch files_;
  std::shared_ptr<CondemnedList> condemned_;
  std::function<void()> look_;
  std::function<void(const Condemned&)> roll_back_;
};

}  // namespace skep::plugin
