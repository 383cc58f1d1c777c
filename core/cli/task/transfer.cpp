#include "core/cli/task/transfer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ostream>

#include "core/api/artifact_json.hpp"
#include "core/base/fd.hpp"
#include "core/base/sha256.hpp"
#include "core/cli/base/absence.hpp"
#include "core/cli/base/interrupt.hpp"

namespace skep::cli {
namespace {

constexpr int kFruitlessTries = 10;
constexpr Millis kPause{1'000};

Failure file_failure(const std::string& doing, const std::string& path) {
  return errno_error(doing + " " + path, errno);
}

/// A piece at `offset`, "" at the end of the file.
Expected<std::string> read_at(int fd, std::int64_t offset, const std::string& path) {
  std::string piece(api::kPieceBytes, '\0');
  std::size_t had = 0;
  while (had < piece.size()) {
    const ssize_t n = ::pread(fd, piece.data() + had, piece.size() - had,
                              static_cast<off_t>(offset) + static_cast<off_t>(had));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_failure("read", path);
    if (n == 0) break;
    had += static_cast<std::size_t>(n);
  }
  piece.resize(had);
  return piece;
}

struct Content {
  std::string sha256;
  std::int64_t size = 0;
};

Expected<Content> content_of(int fd, const std::string& path) {
  Sha256 hash;
  Content out;
  for (;;) {
    const auto piece = read_at(fd, out.size, path);
    if (!piece) return piece.error();
    if (piece->empty()) break;
    hash.update(*piece);
    out.size += static_cast<std::int64_t>(piece->size());
  }
  out.sha256 = hash.hex();
  return out;
}

bool may_pass(const Failure& failure) {
  return is_retryable(failure.error.code) || failure.error.id() == "wrong-offset";
}

Expected<api::BlobProgress> progress_in(Client& api, const Expected<json::value>& answer,
                                        const std::string& path) {
  if (!answer) return answer.error();
  auto progress = api::decode_blob_progress(to_text(*answer));
  if (!progress) return api.strange(path, "no progress of an upload");
  return std::move(*progress);
}

void say_progress(const Console& c, const std::string& what, std::int64_t done, std::int64_t size) {
  if (size > (64 << 20)) c.note(what + ": " + std::to_string(done * 100 / size) + " %");
}

/// Where FILE's bytes gather; named after the content, so that no other goes on with them.
std::string part_of(const Download& what) {
  const std::size_t slash = what.file.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  return what.file.substr(0, name) + "." + what.file.substr(name) + "." +
         what.sha256.substr(0, 12) + ".part";
}

/// From where `fd` ends to the end of the content, in as many tries as make headway.
Expected<bool> fetch(Client& api, const Download& what, int fd, std::int64_t received) {
  SystemClock clock;
  for (int fruitless = 0; received < what.size;) {
    const std::int64_t before = received;
    bool full = false;
    const auto answer = api.fetch(what.path, "Range: bytes=" + std::to_string(received) + "-",
                                  [&](std::string_view bytes) {
                                    while (!bytes.empty() && !full) {
                                      const ssize_t n = ::write(fd, bytes.data(), bytes.size());
                                      if (n < 0 && errno == EINTR) continue;
                                      full = n < 0;
                                      if (full) break;
                                      received += n;
                                      bytes.remove_prefix(static_cast<std::size_t>(n));
                                    }
                                    return !full && received <= what.size;
                                  });
    if (full) return file_failure("write", what.file);
    if (!answer && !may_pass(answer.error())) return answer.error();
    fruitless = received > before ? 0 : fruitless + 1;
    if (received >= what.size) break;
    if (fruitless >= kFruitlessTries)
      return answer ? Failure(unavailable("the artifact ended early, again and again"))
                    : answer.error();
    sleep_or_interrupt(clock, kPause);
    if (interrupted()) return Failure(interruption());
  }
  return true;
}

}  // namespace

Expected<json::value> upload(Invocation& call, const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_failure("open", path);
  const auto content = content_of(fd.get(), path);
  if (!content) return content.error();
  auto connected = call.api();
  if (!connected) return connected.error();
  Client& api = **connected;
  SystemClock clock;
  const std::string blob = "/api/blobs/" + content->sha256;
  auto at = progress_in(api, api.get(blob), blob);
  for (int fruitless = 0; !at || !at->complete;) {
    if (!at) {
      if (!may_pass(at.error()) || ++fruitless >= kFruitlessTries) return at.error();
      if (at.error().error.id() != "wrong-offset") sleep_or_interrupt(clock, kPause);
      if (interrupted()) return Failure(interruption());
      at = progress_in(api, api.get(blob), blob);
      continue;
    }
    const auto piece = read_at(fd.get(), at->received, path);
    if (!piece) return piece.error();
    const std::string where =
        blob + "?offset=" + std::to_string(at->received) + "&size=" + std::to_string(content->size);
    const std::int64_t before = at->received;
    at = progress_in(api, api.put(where, *piece), blob);
    if (at && at->received > before) fruitless = 0;
    if (at && !at->complete && before / (64 << 20) != at->received / (64 << 20))
      say_progress(call.console, path, at->received, content->size);
  }
  return json::value(json::object{{"artifact", content->sha256}, {"size", content->size}});
}

Expected<bool> download(Invocation& call, Client& api, const Download& what) {
  catch_interrupts();
  if (what.file == "-") {
    call.console.out.flush();
    return fetch(api, what, STDOUT_FILENO, 0);
  }
  const std::string part = part_of(what);
  const UniqueFd fd(
      ::open(part.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!fd) return file_failure("open", part);
  struct stat s {};
  if (::fstat(fd.get(), &s) != 0) return file_failure("look at", part);
  const auto done = fetch(api, what, fd.get(), s.st_size);
  if (!done) return done.error();
  const auto content = content_of(fd.get(), part);
  if (!content) return content.error();
  if (content->sha256 != what.sha256) {
    ::unlink(part.c_str());
    return Failure(Error{Code::kCorrupt, "what came is not the artifact: its SHA-256 is " +
                                             content->sha256 + ", not " + what.sha256}
                       .with_next("the same command again"));
  }
  if (::rename(part.c_str(), what.file.c_str()) != 0) return file_failure("rename", part);
  return true;
}

}  // namespace skep::cli
