#include "core/worker/credential.hpp"

#include <utility>

#include "core/base/file.hpp"
#include "core/base/log.hpp"
#include "core/base/token.hpp"

namespace skep::worker {
namespace {

constexpr std::size_t kLongestFile = 4096;

std::string kept_in(const std::string& file) {
  if (file.empty()) return {};
  const auto text = load_file(file, kLongestFile);
  auto token = text ? token_in(*text, file) : Result<std::string>(text.error());
  if (token) return std::move(*token);
  if (token.error().code != Code::kNotFound)
    log::warn("worker_credential_unread",
              {{"error", token.error().message}, {"effect", "this worker enrols again"}});
  return {};
}

}  // namespace

Credential::Credential(JoinToken join, std::string file)
    : join_(std::move(join)), file_(std::move(file)), own_(kept_in(file_)) {
  read_join_token();
}

/// One that cannot be read leaves the last that could.
void Credential::read_join_token() {
  if (!join_.read) return;
  auto token = join_.read();
  const MutexLock lock(mutex_);
  join_error_ = token ? "" : token.error().message;
  if (token) join_token_ = std::move(*token);
}

std::string Credential::token() const {
  const MutexLock lock(mutex_);
  return own_.empty() ? join_token_ : own_;
}

std::vector<std::string> Credential::after_refusal(const std::string& refused) {
  read_join_token();
  const MutexLock one_writer(file_mutex_);
  const std::string kept = kept_in(file_);
  const MutexLock lock(mutex_);
  if (!kept.empty() && !unwritten_) own_ = kept;
  std::vector<std::string> out;
  if (!own_.empty() && own_ != refused) out.push_back(own_);
  if (join_token_ != refused) out.push_back(join_token_);
  return out;
}

std::string Credential::advice() const {
  const MutexLock lock(mutex_);
  if (!join_error_.empty()) return "mend the join token: " + join_error_;
  if (join_.file.empty())
    return "set [worker] join_token_file to a file with a token that it takes";
  return "put a token that it takes into " + join_.file + "; it is read again by itself";
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
