#include "core/base/folder_probe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"

namespace skep {
namespace {

constexpr MonoMs kEvery = 10'000;
constexpr MonoMs kPatience = 30'000;

/// A page, so that a disk with no block left shows.
std::string write_page(const std::string& folder) {
  const std::string file = folder + "/.probe." + std::to_string(::getpid());
  const std::string page(4096, 'x');
  const UniqueFd fd(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  const ssize_t n = fd ? ::write(fd.get(), page.data(), page.size()) : -1;
  const int error = n < 0 ? errno : ENOSPC;
  if (fd) ::unlink(file.c_str());
  const bool whole = n == static_cast<ssize_t>(page.size());
  return whole ? "" : "write in " + folder + ": " + std::strerror(error);
}

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
  try {
    std::thread([look = look_, folder = folder_] {
      std::string found = write_page(folder);
      const MutexLock lock(look->mutex);
      look->trouble = std::move(found);
      look->done = true;
      look->ended.notify_all();
    }).detach();
  } catch (const std::system_error& e) {
    look_.reset();  // the next call tries again
    trouble_ = std::string("no thread to look at ") + folder_ + ": " + e.what();
  }
  return trouble_;
}

void FolderProbe::await_for_test() const {
  MutexLock lock(look_->mutex);
  while (!look_->done) look_->ended.wait(lock);
}

}  // namespace skep
