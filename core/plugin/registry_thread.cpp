#include "core/plugin/registry_thread.hpp"

#include "core/base/log.hpp"

namespace skep::plugin {
namespace {

constexpr Millis kSettleFiles{50};
/// Without a word of the folders we look as often: notice may get lost.
constexpr Millis kLookAtFiles{5'000};

}  // namespace

RegistryThread::RegistryThread(std::vector<std::string> folders,
                               std::shared_ptr<CondemnedList> condemned, std::function<void()> look,
                               std::function<void(const Condemned&)> roll_back)
    : Service("skep-plugins"),
      files_(std::move(folders)),
      condemned_(std::move(condemned)),
      look_(std::move(look)),
      roll_back_(std::move(roll_back)) {
  condemned_->on_add([this] { files_.wake(); });
}

RegistryThread::~RegistryThread() {
  condemned_->on_add({});
  stop();
}

void RegistryThread::run(std::stop_token stop) {
  while (!stop.stop_requested()) try {
      const auto changes = files_.wait(kLookAtFiles, kSettleFiles, stop);
      if (stop.stop_requested()) return;
      const auto bad = condemned_->take();
      for (const Condemned& generation : bad) roll_back_(generation);
      if (changes.any() || bad.empty()) look_();
    } catch (const std::exception& e) {
      log::error("plugin_watch_failed", {{"error", e.what()}});
    }
}

}  // namespace skep::plugin
