// Reloads the configuration when its file changes and when somebody asks.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>

#include "core/app/reloader.hpp"
#include "core/base/folder_watch.hpp"
#include "core/base/service.hpp"

namespace skep::app {

/// Editors write a file in place or rename another over it, and an orchestrator swaps a link on the
/// way to it: all of them are noticed, and a file is read when its writer has closed it. A change
/// whose end nobody told counts once the file has stayed as it is for `quiet`. [node] watch_config
/// = false leaves only request().
class ConfigWatch final : public Service {
 public:
  /// `reloader` outlives it.
  explicit ConfigWatch(Reloader& reloader, Millis quiet = Millis{1'000});
  ~ConfigWatch() override { stop(); }
  /// Reloads soon, on this service's thread. [any]
  void request();

 protected:
  void run(std::stop_token stop) override;

 private:
  /// Device, inode, size, and when it was written and linked; zeros when there is no file.
  using Stamp = std::array<std::int64_t, 6>;
  static Stamp stamp_of(const std::string& path);
  bool is_new(const FolderWatch::Changes& changes);

  Reloader& reloader_;
  const Millis quiet_;
  const std::string path_;  ///< absolute
  FolderWatch folders_;
  Stamp seen_{};  ///< of what was read
  Stamp last_{};  ///< at the last look
  MonoMs last_since_ = 0;
  std::atomic<bool> requested_{false};
};

}  // namespace skep::app
