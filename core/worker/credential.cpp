#include "core/worker/credential.hpp"

#include <utility>

#include "core/base/file.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"

namespace skep::worker {
namespace {

constexpr std::size_t kLongestFile = 4096;

std::string kept_in(const std::string& file) {
  if (file.empty()) return {};
  const auto text = load_file(file, kLongestFile);
  if (text) return std::string(trim(*text));
  if (text.error().code != Code::kNotFound)
    log::warn("worker_credential_unread",
              {{"error", text.error().message}, {"effect", "this worker enrols again"}});
  return {};
}

}  // namespace

Credential::Credential(std::string join_token, std::string file)
    : join_token_(std::move(join_token)), file_(std::move(file)), own_(kept_in(file_)) {}

std::string Credential::token() const {
  const MutexLock lock(mutex_);
  return own_.empty() ? join_token_ : own_;
}

bool Credential::is_enrolled() const {
  const MutexLock lock(mutex_);
  return !own_.empty();
}

void Credential::take(const std::string& credential) {
  {
    const MutexLock lock(mutex_);
    own_ = credential;
    unwritten_ = !file_.empty();
    complained_ = false;
  }
  keep();
}

void Credential::keep() {
  if (!unwritten_) return;
  const MutexLock one_writer(file_mutex_);
  std::string credential;
  {
    const MutexLock lock(mutex_);
    if (!unwritten_.exchange(false)) return;
    credential = own_;
  }
  const Status kept = replace_file(file_, credential + "\n", 0600);
  bool complained = false;
  {
    const MutexLock lock(mutex_);
    if (!kept) unwritten_ = true;
    complained = std::exchange(complained_, !kept);
  }
  if (kept && complained) log::info("worker_credential_written");
  if (!kept && !complained)
    log::warn("worker_credential_unwritten",
              {{"error", kept.error().message},
               {"effect",
                "tried again with each claim; until it is on disk the next process of "
                "this worker has to enrol again"}});
}

}  // namespace skep::worker
