#include "core/worker/input_fetcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/fd.hpp"
#include "core/base/sha256.hpp"

namespace skep::worker {
namespace {

constexpr int kFruitlessTries = 5;
constexpr Millis kPause{500};
/// Without a byte for so long a connection is as good as cut.
constexpr MonoMs kSilence = 60'000;

struct Target {
  UniqueFd file;
  Sha256 hash;
  std::int64_t received = 0;
  Error error{};

  bool take(std::string_view bytes, std::int64_t size) {
    if (static_cast<std::int64_t>(bytes.size()) > size - received) {
      error = {Code::kInvalid, "more came than its " + std::to_string(size) + " bytes"};
      return false;
    }
    hash.update(bytes);
    received += static_cast<std::int64_t>(bytes.size());
    while (!bytes.empty()) {
      const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        error = errno_error("write it", errno);
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
};

bool never_comes(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kInvalid ||
         error.code == Code::kDenied;
}

}  // namespace

Status InputFetcher::fetch(const model::Lease& lease, const model::Input& input,
                           const std::string& path, MonoMs deadline,
                           ports::CancelToken& cancel) const {
  Target target;
  target.file.reset(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!target.file) return errno_error("open " + path, errno);
  const auto control = connect_();
  const auto over = [&] {
    if (deadline != 0 && clock_.mono_ms() >= deadline)
      cancel.cancel(ports::CancelReason::kDeadline);
    return cancel.reason() != ports::CancelReason::kNone;
  };
  for (int fruitless = 0; target.received < input.size;) {
    const std::int64_t before = target.received;
    MonoMs last = clock_.mono_ms();
    const auto aborted = [&] { return over() || clock_.mono_ms() - last > kSilence; };
    const auto take = [&](std::string_view bytes) {
      last = clock_.mono_ms();
      return target.take(bytes, input.size);
    };
    const Status got = control->input(lease, input.sha256, before, aborted, take);
    if (target.error.message.size() > 0) return target.error;
    if (over()) return Error{Code::kCancelled, "the task was stopped meanwhile"};
    if (!got && never_comes(got.error())) return got.error();
    if (target.received > before) fruitless = 0;
    if (target.received == input.size) break;
    const Error why =
        got ? unavailable("the connection ended after " + std::to_string(target.received) + " of " +
                          std::to_string(input.size) + " bytes")
            : got.error();
    if (++fruitless >= kFruitlessTries) return why;
    pollfd stopped{cancel.fd(), POLLIN, 0};
    ::poll(&stopped, 1, static_cast<int>(kPause.count()));
  }
  if (target.hash.hex() != input.sha256)
    return unavailable("its bytes came with another hash than " + input.sha256);
  return {};
}

}  // namespace skep::worker
