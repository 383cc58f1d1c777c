#include "core/worker/folder_probe.hpp"

#include <thread>

#include "core/base/mutex.hpp"
#include "core/base/writable.hpp"

namespace skep::worker {
namespace {

constexpr MonoMs kEvery = 10'000;
constexpr MonoMs kPatience = 30'000;

}  // namespace

struct FolderProbe::Look {
  Mutex mutex;
  CondVar ended;
  bool done SKEP_GUARDED_BY(mutex) = false;
  std::string trouble SKEP_GUARDED_BY(mutex);
};

std::string FolderProbe::trouble() {
  if (folder_.empty()) return {};
  const MonoMs now = clock_.mono_ms();
  if (look_) {
    const MutexLock lock(look_->mutex);
    if (!look_->done) {
      if (now - began_ >= kPatience) trouble_ = folder_ + " does not answer";
      return trouble_;
    }
    trouble_ = look_->trouble;
    if (now - began_ < kEvery) return trouble_;
  }
  began_ = now;
  look_ = std::make_shared<Look>();
  std::thread([look = look_, folder = folder_] {
    const Status written = check_writable(folder);
    const MutexLock lock(look->mutex);
    if (!written) look->trouble = written.error().message;
    look->done = true;
    look->ended.notify_all();
  }).detach();
  return trouble_;
}

void FolderProbe::await_for_test() const {
  MutexLock lock(look_->mutex);
  while (!look_->done) look_->ended.wait(lock);
}

}  // namespace skep::worker
