// What a host and a child say to each other: frames over a socket that keeps message boundaries.
//
// Strictly request and answer: the host sends kStart, kRun, kLoad, kDrop or kStop and reads until
// the matching answer comes. Meanwhile the child may send kEmit, kProgress, kLog, kCallLog and
// kMetric, which nobody answers, and one kAsk at a time, which the host answers with kAnswer before
// it reads on. Neither side trusts
// the length or the order of what it reads: a frame that does not fit is an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"

namespace skep::plugin::frames {

/// A child of another build than its host refuses to start.
inline constexpr std::uint32_t kVersion = 2;
/// Header and body of one frame. A longer body travels in parts.
inline constexpr std::size_t kMaxFrame = 64u << 10;
/// A body put together from parts.
inline constexpr std::size_t kMaxBody = 16u << 20;

enum class Type : std::uint8_t {
  kStart = 1,  ///< host: what to load
  kStarted,    ///< child: an error, or none
  kRun,        ///< host: one task
  kEmit,       ///< child: `value` is the channel; also in parts, each of them bytes
  kProgress,   ///< child: `value` is permille
  kLog,        ///< child: `value` is the level; a line of skep.svc.log
  kCallLog,    ///< child: the same, of a call
  kMetric,     ///< child: a figure; `value` is 1 when it adds to a counter
  kAsk,        ///< child: `value` says for what, see Ask
  kAnswer,     ///< host: an error or none, and a text
  kDone,       ///< child: `value` is what run() returned
  kLoad,       ///< host: read a script
  kLoaded,     ///< child
  kDrop,       ///< host: forget a script; not answered
  kStop,       ///< host: stop, destroy, close, exit
};
inline constexpr Type kLastType = Type::kStop;

/// What a child asks its host for.
enum class Ask : std::int32_t {
  kTask = 1,  ///< run another task type inside this one: type, params; its result
  kSecret,    ///< a value for the plugin, or for who runs: who asks, its name
};

struct Frame {
  Type type{};
  bool more = false;  ///< the body goes on in the next frame of this type
  std::int32_t value = 0;
  std::string_view body;  ///< borrowed
};

/// Reads one message. kCorrupt when it is none.
Result<Frame> parse(std::string_view message);

/// Puts fields one after another into a body.
class Packer {
 public:
  Packer& integer(std::int64_t i);
  Packer& text(std::string_view s);
  const std::string& body() const& { return body_; }
  std::string body() && { return std::move(body_); }
  /// Makes room for `fields` of together `bytes`.
  Packer& reserve(std::size_t fields, std::size_t bytes);

 private:
  std::string body_;
};

/// Takes them out again, in the same order. After the first field that is not there all are empty
/// and ok() is false; text is borrowed from the body.
class Unpacker {
 public:
  explicit Unpacker(std::string_view body) : left_(body) {}
  std::int64_t integer();
  std::string_view text();
  /// Every field so far was there.
  bool goes_on() const { return ok_; }
  /// Every field was there and nothing is left.
  bool ok() const { return ok_ && left_.empty(); }

 private:
  std::string_view take(std::size_t n);
  std::string_view left_;
  bool ok_ = true;
};

/// An error as fields: code, name, message, next, retry. A code of 0 is "no error".
void pack_error(Packer& out, const std::optional<Error>& error);
std::optional<Error> unpack_error(Unpacker& in);

/// The error of a Result or Status, or none.
template <class R>
std::optional<Error> error_of(const R& result) {
  return result ? std::nullopt : std::optional<Error>(result.error());
}

/// One end of the connection. Sending is [any], in whole bodies; receiving is one thread's.
class Link {
 public:
  explicit Link(UniqueFd fd) : fd_(std::move(fd)), buffer_(kMaxFrame + 1, '\0') {}

  int fd() const { return fd_.get(); }
  /// Blocks while the other side reads slowly; `wait_ms` bounds each wait, -1 = for ever.
  /// kUnavailable when the other side is gone or does not read.
  Status send(Type type, std::int32_t value, std::string_view body, int wait_ms = -1);
  /// Makes receive() give up waiting after about this long.
  void wait_at_most(Millis time);
  /// One frame, valid until the next call. Blocks unless `wait` is false; empty when there was
  /// none. kUnavailable at the end of the connection, kCorrupt for what is no frame.
  Result<std::optional<Frame>> receive(bool wait);

 private:
  Status send_frame(const Frame& frame, int wait_ms);
  UniqueFd fd_;
  Mutex sending_;  ///< for one whole body: its frames stay together
  std::string buffer_;
};

/// Puts the parts of a body together.
class Assembler {
 public:
  /// The whole body once the last part came. kCorrupt when the parts do not belong together or are
  /// more than `limit` bytes. The view is valid until the next call.
  Result<std::optional<std::string_view>> add(const Frame& frame, std::size_t limit = kMaxBody);

 private:
  bool open_ = false;
  Type type_{};
  std::string parts_;
};

}  // namespace skep::plugin::frames
