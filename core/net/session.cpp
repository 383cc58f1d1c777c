#include "core/net/session.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <tuple>
#include <utility>

#include "core/base/log.hpp"
#include "core/net/guard.hpp"
#include "core/net/response.hpp"

namespace skep::net {
namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<Strand>> kAwait{};
constexpr std::size_t kReadChunk = 4u << 10;
constexpr std::size_t kBodyChunk = 64u << 10;
constexpr std::size_t kMaxPipelined = 16u << 10;  ///< bytes read ahead while a handler waits
constexpr std::size_t kMaxDrained = 64u << 10;
constexpr Millis kDrainTime{2'000};
constexpr std::size_t kMinBytesPerSecond = 16u << 10;
constexpr int kRunsPastUntil = 3;  ///< a handler may look at the clock just before `until`
constexpr int kClientGone = 499;   ///< reported, never sent

/// The time that `bytes` earn beyond the first timeout: 1 s for each 16 KiB.
Millis transfer_time(std::size_t bytes) {
  return Millis{static_cast<std::int64_t>(bytes / kMinBytesPerSecond) * 1000};
}

void consume(std::array<asio::const_buffer, 2>& parts, std::size_t bytes) {
  for (asio::const_buffer& part : parts) {
    const std::size_t done = std::min(bytes, part.size());
    part += done;
    bytes -= done;
  }
}

HttpResponse stream_problem(int status, std::string message, std::string name,
                            std::string next = {}) {
  return HttpResponse::problem(
      status, Error{Code::kInvalid, std::move(message), std::move(name), std::move(next)});
}

HttpResponse not_http() {
  return stream_problem(400,
                        "this is no HTTP request: it has a control byte or a line without CRLF",
                        "bad-request", "use http:// (not https://) with this port");
}

/// Decoded, a body takes several times its size: few large ones are at work at a time.
HandlerKind kind_of(const Route& route, const HttpRequest& request) {
  if (route.heavy || request.body.size() > kLargeBody) return HandlerKind::kHeavy;
  return request.runs == 0 ? HandlerKind::kFresh : HandlerKind::kResumed;
}

HttpResponse header_too_large() {
  return stream_problem(431, "the request's header is larger than 8 KiB", "header-too-large",
                        "send large values in the body");
}

}  // namespace

Session::Session(ServerShared& shared, Socket socket, Peer peer)
    : shared_(shared),
      socket_(std::move(socket)),
      signal_(socket_.get_executor()),
      peer_(std::move(peer)) {}

Awaitable<void> Session::run() {
  while (open_) co_await serve_one();
  if (linger_) co_await drain();
  clear_deadline();
  boost::system::error_code ignored;  // the peer may be gone already
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

Awaitable<void> Session::serve_one() {
  phase_ = Phase::kReading;
  const bool complete = co_await read_head();
  if (!complete) co_return;
  Exchange x;
  Refusal refusal = admit(x);
  if (!refusal) refusal = co_await read_body(x);
  clear_deadline();
  HttpResponse response;
  if (refusal) {
    x.keep_alive = x.keep_alive && !x.unread_body;
    linger_ = !x.keep_alive;
    response = std::move(*refusal);
  } else {
    response = co_await answer(x);
  }
  std::string().swap(x.request.body);
  x.place = {};
  co_await respond(x, std::move(response));
}

// --- reading ---------------------------------------------------------------------------------

Awaitable<bool> Session::read_head() {
  scanner_.reset();
  const bool waits_for_first_byte = !first_request_ && buffer_.empty();
  set_deadline(waits_for_first_byte ? shared_.options.idle_timeout
                                    : shared_.options.header_timeout);
  first_request_ = false;
  skip_empty_line_ = true;
  for (;;) {
    const HeadScanner::State state = scan_head();
    if (state == HeadScanner::State::kComplete && scanner_.size() <= kMaxHead) co_return true;
    if (state != HeadScanner::State::kMore || buffer_.size() >= kMaxHead) {
      HttpResponse response = state == HeadScanner::State::kBad ? not_http() : header_too_large();
      co_await refuse_stream(std::move(response));
      co_return false;
    }
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadChunk);
    const std::size_t got = co_await read_some(buffer_.data() + before, kReadChunk);
    buffer_.resize(before + got);
    if (got == 0) {
      open_ = false;
      if (!timed_out_ || before == 0) co_return false;
      HttpResponse response = stream_problem(408, "the header did not arrive in time", "timeout");
      co_await refuse_stream(std::move(response));
      co_return false;
    }
    if (before == 0 && waits_for_first_byte) set_deadline(shared_.options.header_timeout);
  }
}

/// RFC 9112, 2.2: one empty line before the request line is ignored.
HeadScanner::State Session::scan_head() {
  HeadScanner::State state = scanner_.scan(buffer_);
  if (state != HeadScanner::State::kComplete || scanner_.size() > 2) return state;
  if (!std::exchange(skip_empty_line_, false)) return HeadScanner::State::kBad;
  buffer_.erase(0, scanner_.size());
  scanner_.reset();
  return scanner_.scan(buffer_);
}

Refusal Session::admit(Exchange& x) {
  x.request.received_ms = shared_.clock.mono_ms();
  const std::string_view text = std::string_view(buffer_).substr(0, scanner_.size());
  Refusal refusal = parse_head(text, x.head);
  buffer_.erase(0, scanner_.size());
  if (!refusal) refusal = parse_target(x.head.target, x.request);
  if (refusal) return refusal;
  x.unread_body = x.head.content_length.value_or(0) > 0;
  x.keep_alive = x.head.keep_alive;
  if (peer_.loopback_listener) refusal = check_loopback_caller(x.head);
  if (!refusal) refusal = find_route(x);
  if (!refusal) refusal = find_place(x);
  if (!refusal) return {};
  if (refusal->status == 403 || refusal->status == 411) x.keep_alive = false;
  return refusal;
}

Refusal Session::find_route(Exchange& x) {
  RouteMatch match = shared_.router.match(x.head.method, x.request.path);
  if (match.route == nullptr) return no_route(shared_.router, match, x.head.method, x.request.path);
  x.route = match.route;
  Credentials credentials{bearer_of(x.head), {}, peer_.own_socket};
  if (speaks_for_himself(x.head)) credentials.uid = peer_.uid;
  x.request.caller = shared_.identify(credentials);
  if (Refusal r = check_right(x.route->right, x.request.caller)) return r;
  if (Refusal r = check_worker(*x.route, match.params, x.request.caller)) return r;
  if (Refusal r = check_query(*x.route, x.request)) return r;
  if (Refusal r = check_body(x.head, *x.route)) return r;
  x.request.method = x.head.method;
  x.request.params = std::move(match.params);
  x.request.headers = std::move(x.head.headers);
  x.request.peer = peer_.text;
  return {};
}

/// Before its first byte: half of a body is as good as none.
Refusal Session::find_place(Exchange& x) {
  const std::size_t length = x.head.content_length.value_or(0);
  if (length == 0) return {};
  const Caller& caller = x.request.caller;
  std::string whose;
  if (caller.kind == Caller::Kind::kWorker) whose = "worker " + caller.name;
  if (caller.kind == Caller::Kind::kNewcomer) whose = "newcomer " + peer_.address.to_string();
  x.place = shared_.bodies.take(length, whose);
  if (x.place) return {};
  return HttpResponse::problem(Error{
      Code::kUnavailable, "the bodies of other requests take all the memory that there is for them",
      "bodies-too-many", "send it again in a moment; [http] body_memory_mb is the limit"});
}

Awaitable<Refusal> Session::read_body(Exchange& x) {
  const std::size_t length = x.head.content_length.value_or(0);
  std::string& body = x.request.body;
  body.reserve(length);
  body.assign(buffer_, 0, length);
  buffer_.erase(0, body.size());
  set_deadline(shared_.options.body_timeout);
  const MonoMs first_deadline = deadline_;
  if (x.head.expect_continue && body.empty() && length > 0) {
    const bool sent = co_await write_all("HTTP/1.1 100 Continue\r\n\r\n", "");
    if (!sent) open_ = false;
  }
  while (body.size() < length && open_) {
    deadline_ = first_deadline + transfer_time(body.size()).count();
    const std::size_t before = body.size();
    const std::size_t room = std::min(kBodyChunk, length - before);
    body.resize(before + room);
    const std::size_t got = co_await read_some(body.data() + before, room);
    body.resize(before + got);
    if (got > 0) continue;
    if (timed_out_) co_return stream_problem(408, "the body did not arrive in time", "timeout");
    const std::string had = std::to_string(before) + " of " + std::to_string(length);
    co_return stream_problem(400, "the body ended after " + had + " bytes", "bad-request");
  }
  x.unread_body = false;
  co_return Refusal{};
}

/// 0: end of stream, error or time-out (then timed_out_ is set), also one that came between two
/// reads and had nothing to cancel. REQUIRES: a deadline was set.
Awaitable<std::size_t> Session::read_some(char* at, std::size_t room) {
  timed_out_ = deadline_ == kNever;
  if (timed_out_ || shared_.closing) co_return 0;
  const auto buffer = asio::buffer(at, room);
  const auto [error, got] = co_await socket_.async_read_some(buffer, kAwait);
  co_return error ? 0 : got;
}

// --- answering -------------------------------------------------------------------------------

Awaitable<HttpResponse> Session::answer(Exchange& x) {
  phase_ = Phase::kHandling;
  bool crowded = false;
  for (int runs_past_until = 0;; ++x.request.runs) {
    const HandlerKind kind = kind_of(*x.route, x.request);
    co_await enter_slot(kind);
    x.request.closing = shared_.closing || evicted_ || crowded;
    HttpResponse response = call_handler(x);
    shared_.slots.leave(kind);
    if (!response.wait) co_return response;
    if (x.request.closing) co_return HttpResponse::problem(unavailable("the server is stopping"));
    const bool past = response.wait->until <= shared_.clock.mono_ms();
    if (past && ++runs_past_until > kRunsPastUntil)
      co_return HttpResponse::problem(internal_error("the handler waits for a time in the past"));
    if (!past && !shared_.closing) crowded = !co_await park(*response.wait);
    if (evicted_) x.keep_alive = false;
    if (!peer_gone_) continue;
    open_ = false;
    co_return HttpResponse::json({}, kClientGone);
  }
}

HttpResponse Session::call_handler(Exchange& x) {
  std::string what;
  try {
    if (Refusal r = check_values(x.request.body, *x.route)) return std::move(*r);
    return x.route->handler(x.request);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "not a std::exception";
  }
  log::error("http_handler_failed",
             {{"method", x.request.method}, {"route", x.route->path}, {"error", what}});
  return HttpResponse::problem(internal_error("the handler of this route failed"));
}

Awaitable<void> Session::enter_slot(HandlerKind kind) {
  notified_ = false;
  auto granted = [this] {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->notify(); });
  };
  if (shared_.slots.enter(kind, granted)) co_return;
  co_await wait_notified(kNever);
}

/// False: too many wait already.
Awaitable<bool> Session::park(const Wait& wait) {
  if (!shared_.parking.enter(peer_.address)) co_return false;
  parked_since_ = shared_.clock.mono_ms();
  const std::uint64_t id = ++park_id_;
  notified_ = false;
  auto waker = [self = shared_from_this(), id] {
    asio::post(self->socket_.get_executor(), [self, id] {
      if (self->park_id_ == id) self->notify();
    });
  };
  const std::uint64_t entry = wait.list->add(wait.key, wait.ticket, std::move(waker));
  watch_peer(id);
  co_await wait_notified(wait.until);
  wait.list->remove(entry);
  ++park_id_;
  parked_since_ = kNever;
  shared_.parking.leave(peer_.address);
  boost::system::error_code ignored;  // nothing to cancel when the peer is gone
  socket_.cancel(ignored);
  if (peer_gone_ && wait.abandoned) wait.abandoned();
  co_return true;
}

Awaitable<void> Session::wait_notified(MonoMs until) {
  constexpr MonoMs kLongest = 3'600'000;
  for (MonoMs now = shared_.clock.mono_ms(); !notified_ && now < until;
       now = shared_.clock.mono_ms()) {
    const Millis rest(std::min(until - now, kLongest));
    signal_.expires_after(rest);
    co_await signal_.async_wait(kAwait);
  }
}

void Session::notify() {
  notified_ = true;
  signal_.cancel();
}

void Session::watch_peer(std::uint64_t park_id) {
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this(), park_id](boost::system::error_code error) {
                       if (!error && self->park_id_ == park_id) self->on_peer_readable(park_id);
                     });
}

/// The end of the stream while a handler waits means that nobody waits for its answer.
void Session::on_peer_readable(std::uint64_t park_id) {
  const std::size_t before = buffer_.size();
  if (before >= kMaxPipelined) return;
  buffer_.resize(kMaxPipelined);
  boost::system::error_code error;
  const std::size_t got =
      socket_.read_some(asio::buffer(buffer_.data() + before, kMaxPipelined - before), error);
  buffer_.resize(before + got);
  if (!error || error == asio::error::would_block) return watch_peer(park_id);
  peer_gone_ = true;
  notify();
}

// --- writing ---------------------------------------------------------------------------------

Awaitable<void> Session::refuse_stream(HttpResponse response) {
  Exchange x;
  x.request.received_ms = shared_.clock.mono_ms();
  linger_ = true;
  co_await respond(x, std::move(response));
}

Awaitable<void> Session::respond(const Exchange& x, HttpResponse response) {
  report(x, response.status);
  if (peer_gone_) co_return;
  phase_ = Phase::kWriting;
  if (response.stream && x.head.method != "HEAD") {
    co_await respond_stream(std::move(response));
    co_return;
  }
  const bool keep_alive = x.keep_alive && open_ && !shared_.closing;
  if (response.file && x.head.method != "HEAD") {
    co_await respond_file(std::move(response), keep_alive);
    co_return;
  }
  const std::string head = response_head(response, keep_alive);
  const bool bodiless = x.head.method == "HEAD" || !has_body(response.status);
  const std::string_view body = bodiless ? std::string_view{} : std::string_view(response.body);
  const bool sent = co_await write_all(head, body);
  open_ = sent && keep_alive;
}

void Session::report(const Exchange& x, int status) const {
  if (!shared_.options.on_request) return;
  const Millis took(shared_.clock.mono_ms() - x.request.received_ms);
  shared_.options.on_request(x.head.method, x.route != nullptr ? x.route->path : "", status, took);
}

Awaitable<bool> Session::write_all(std::string_view head, std::string_view body) {
  std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
  boost::system::error_code error;
  std::size_t sent = socket_.write_some(parts, error);
  if (error == asio::error::would_block) error.clear();
  const std::size_t size = head.size() + body.size();
  const MonoMs first_deadline = shared_.clock.mono_ms() + shared_.options.body_timeout.count();
  for (std::size_t more = sent; !error && sent < size; sent += more) {
    consume(parts, more);
    deadline_ = first_deadline + (streaming_ ? 0 : transfer_time(sent).count());
    std::tie(error, more) = co_await socket_.async_write_some(parts, kAwait);
  }
  clear_deadline();
  co_return !error;
}

/// Closing with unread bytes would reset the connection, and the peer might never see the answer.
Awaitable<void> Session::drain() {
  boost::system::error_code ignored;  // the peer may be gone already
  socket_.shutdown(Socket::shutdown_send, ignored);
  phase_ = Phase::kReading;
  set_deadline(kDrainTime);
  buffer_.resize(kReadChunk);
  for (std::size_t drained = 0; drained < kMaxDrained;) {
    const std::size_t got = co_await read_some(buffer_.data(), kReadChunk);
    if (got == 0) co_return;
    drained += got;
  }
}

// --- from other threads ----------------------------------------------------------------------

void Session::check_deadline(MonoMs now) {
  if (deadline_ > now) return;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->deadline_ > self->shared_.clock.mono_ms()) return;
    self->clear_deadline();
    self->timed_out_ = true;
    boost::system::error_code ignored;  // closed meanwhile: nothing to end
    self->socket_.cancel(ignored);
  });
}

void Session::request_stop() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    boost::system::error_code ignored;  // closed meanwhile: nothing to end
    if (self->phase_ == Phase::kReading || self->streaming_) self->socket_.cancel(ignored);
    if (self->park_id_ % 2 == 1) self->notify();
  });
}

void Session::make_room() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    boost::system::error_code ignored;  // closed meanwhile: as wished
    if (self->is_reading()) self->socket_.close(ignored);
    if (self->park_id_ % 2 == 0) return;
    self->evicted_ = true;
    self->notify();
  });
}

void Session::force_close() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    boost::system::error_code ignored;  // closed meanwhile: as wished
    self->socket_.close(ignored);
    if (self->park_id_ % 2 == 1) self->notify();
  });
}

}  // namespace skep::net
