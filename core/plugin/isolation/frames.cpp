#include "core/plugin/isolation/frames.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace skep::plugin::frames {
namespace {

struct Header {
  std::uint8_t type;
  std::uint8_t more;
  std::uint16_t zero;
  std::int32_t value;
};
constexpr std::size_t kHeader = sizeof(Header);
constexpr std::size_t kMaxPart = kMaxFrame - kHeader;

Error corrupt(std::string what) { return Error{Code::kCorrupt, std::move(what), "bad-frame"}; }

Error gone() { return unavailable("the other side of the connection is gone"); }

std::int32_t clamp_retry(std::int64_t ms) {
  constexpr std::int64_t kDay = 86'400'000;
  return static_cast<std::int32_t>(ms < 0 ? 0 : ms > kDay ? kDay : ms);
}

}  // namespace

Result<Frame> parse(std::string_view message) {
  if (message.size() < kHeader)
    return corrupt("a frame of " + std::to_string(message.size()) + " bytes is too short");
  if (message.size() > kMaxFrame) return corrupt("a frame has more than 65536 bytes");
  Header h{};
  std::memcpy(&h, message.data(), kHeader);
  if (h.type == 0 || h.type > static_cast<std::uint8_t>(kLastType))
    return corrupt("a frame has the unknown type " + std::to_string(h.type));
  if (h.more > 1 || h.zero != 0) return corrupt("a frame has unknown flags");
  return Frame{static_cast<Type>(h.type), h.more == 1, h.value, message.substr(kHeader)};
}

Packer& Packer::integer(std::int64_t i) {
  char bytes[sizeof(i)];
  std::memcpy(bytes, &i, sizeof(i));
  body_.append(bytes, sizeof(i));
  return *this;
}

Packer& Packer::text(std::string_view s) {
  integer(static_cast<std::int64_t>(s.size()));
  body_.append(s);
  return *this;
}

Packer& Packer::reserve(std::size_t fields, std::size_t bytes) {
  body_.reserve(body_.size() + fields * sizeof(std::int64_t) + bytes);
  return *this;
}

std::string_view Unpacker::take(std::size_t n) {
  if (!ok_ || n > left_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view out = left_.substr(0, n);
  left_.remove_prefix(n);
  return out;
}

std::int64_t Unpacker::integer() {
  std::int64_t i = 0;
  const std::string_view bytes = take(sizeof(i));
  if (ok_) std::memcpy(&i, bytes.data(), sizeof(i));
  return i;
}

std::string_view Unpacker::text() {
  const std::int64_t n = integer();
  if (n < 0) ok_ = false;
  return take(static_cast<std::size_t>(n));
}

void pack_error(Packer& out, const std::optional<Error>& error) {
  const Error e = error.value_or(Error{});
  out.integer(error ? static_cast<std::int64_t>(e.code) : 0);
  out.text(e.name).text(e.message).text(e.next).integer(e.retry_after.count());
}

std::optional<Error> unpack_error(Unpacker& in) {
  const std::int64_t code = in.integer();
  Error e;
  e.code = code_from_abi(static_cast<std::int32_t>(code));
  e.name = in.text();
  e.message = in.text();
  e.next = in.text();
  e.retry_after = std::chrono::milliseconds(clamp_retry(in.integer()));
  if (code == 0) return std::nullopt;
  return e;
}

Status Link::send_frame(const Frame& frame, int wait_ms) {
  Header h{static_cast<std::uint8_t>(frame.type), frame.more ? std::uint8_t{1} : std::uint8_t{0}, 0,
           frame.value};
  // sendmsg() only reads from it.
  iovec parts[2] = {{&h, kHeader}, {const_cast<char*>(frame.body.data()), frame.body.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const int flags = MSG_NOSIGNAL | (wait_ms >= 0 ? MSG_DONTWAIT : 0);
  for (;;) {
    if (::sendmsg(fd_.get(), &message, flags) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return gone();
    pollfd p{fd_.get(), POLLOUT, 0};
    if (::poll(&p, 1, wait_ms) == 0) return unavailable("the other side does not read");
  }
}

Status Link::send(Type type, std::int32_t value, std::string_view body, int wait_ms) {
  const MutexLock lock(sending_);
  do {
    const std::string_view part = body.substr(0, kMaxPart);
    body.remove_prefix(part.size());
    SKEP_TRY(send_frame({type, !body.empty(), value, part}, wait_ms));
  } while (!body.empty());
  return {};
}

void Link::wait_at_most(Millis time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  const timeval limit{us / 1'000'000, us % 1'000'000};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

Result<std::optional<Frame>> Link::receive(bool wait) {
  ssize_t n = 0;
  do {
    n = ::recv(fd_.get(), buffer_.data(), buffer_.size(), wait ? 0 : MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return std::optional<Frame>();
  if (n <= 0) return gone();
  auto frame = parse({buffer_.data(), static_cast<std::size_t>(n)});
  if (!frame) return frame.error();
  return std::optional<Frame>(*frame);
}

Result<std::optional<std::string_view>> Assembler::add(const Frame& frame, std::size_t limit) {
  if (!open_ && !frame.more) return std::optional(frame.body);
  if (open_ && frame.type != type_) return corrupt("a frame came between the parts of another");
  if (!open_) parts_.clear();
  open_ = frame.more;
  type_ = frame.type;
  if (frame.body.size() > limit - parts_.size())
    return corrupt("a message has more than " + std::to_string(limit) + " bytes");
  parts_.append(frame.body);
  return frame.more ? std::optional<std::string_view>() : std::optional<std::string_view>(parts_);
}

}  // namespace skep::plugin::frames
