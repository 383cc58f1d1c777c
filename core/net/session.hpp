// One connection of the server: reads requests, answers them in order, waits without a thread.
// Private to core/net.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "core/net/body_budget.hpp"
#include "core/net/handler_slots.hpp"
#include "core/net/head.hpp"
#include "core/net/http.hpp"
#include "core/net/parking.hpp"

namespace skep::net {

namespace asio = boost::asio;
using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, Strand>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Strand>;
template <class T>
using Awaitable = asio::awaitable<T, Strand>;

/// What all sessions of a server use. Outlives them.
struct ServerShared {
  ServerShared(ServerOptions o, Router r)
      : options(std::move(o)),
        identify(identify_by(options.callers)),
        router(std::move(r)),
        slots(std::max<std::size_t>(1, options.threads)),
        bodies(options.body_memory),
        parking(options.max_connections) {}
  const ServerOptions options;
  const Identify identify;
  const Router router;
  const SystemClock clock;
  HandlerSlots slots;
  BodyBudget bodies;
  Parking<asio::ip::address> parking;
  std::atomic<bool> closing{false};
};

/// Who is at the other end.
struct Peer {
  asio::ip::address address{};  ///< 0.0.0.0 for all of a UNIX socket
  std::string text;             ///< "127.0.0.1:5123", "unix:pid 42"
  bool loopback_listener = false;
  bool own_socket = false;     ///< came through a UNIX socket of ours
  std::optional<uid_t> uid{};  ///< whose process it is, when the kernel knows for certain
};

/// Shared by its coroutine, by the registry of connections and by a wake-up in flight. All of it
/// runs on the strand of its socket, except where marked [any].
class Session : public std::enable_shared_from_this<Session> {
 public:
  static constexpr MonoMs kNever = INT64_MAX;

  Session(ServerShared& shared, Socket socket, Peer peer);
  /// Serves until the connection ends.
  Awaitable<void> run();
  /// Ends the current wait for bytes when its time is up. [any]
  void check_deadline(MonoMs now);
  /// Ends idle and half-read connections, runs a waiting handler a last time. [any]
  void request_stop();
  /// Closes the socket whatever goes on. [any]
  void force_close();
  /// Closes it unless a request is at work; one that waits is answered first. [any]
  void make_room();
  /// Waits for bytes, until deadline(). [any]
  bool is_reading() const { return deadline() != kNever; }
  /// Since when its request waits for news, or kNever. [any]
  MonoMs parked_since() const { return parked_since_; }
  MonoMs deadline() const { return deadline_; }
  Strand executor() { return socket_.get_executor(); }
  const asio::ip::address& address() const { return peer_.address; }

 private:
  enum class Phase { kReading, kHandling, kWriting };
  struct Exchange {
    Head head;
    HttpRequest request;
    BodyBudget::Place place;  ///< of the request's body
    const Route* route = nullptr;
    bool keep_alive = false;
    bool unread_body = false;
  };

  Awaitable<void> serve_one();
  Awaitable<bool> read_head();
  HeadScanner::State scan_head();
  Refusal admit(Exchange& x);
  Refusal find_route(Exchange& x);
  Refusal find_place(Exchange& x);
  Awaitable<Refusal> read_body(Exchange& x);
  Awaitable<HttpResponse> answer(Exchange& x);
  HttpResponse call_handler(Exchange& x);
  Awaitable<bool> park(const Wait& wait);
  Awaitable<void> enter_slot(HandlerKind kind);
  Awaitable<void> wait_notified(MonoMs until);
  void notify();
  void watch_peer(std::uint64_t park_id);
  void on_peer_readable(std::uint64_t park_id);
  Awaitable<void> refuse_stream(HttpResponse response);
  Awaitable<void> respond(const Exchange& x, HttpResponse response);
  Awaitable<void> respond_stream(HttpResponse response);
  Awaitable<void> respond_file(HttpResponse response, bool keep_alive);
  StreamPart next_part(const HttpResponse& response) const;
  Awaitable<std::size_t> read_some(char* at, std::size_t room);
  Awaitable<bool> write_all(std::string_view head, std::string_view body);
  Awaitable<void> drain();
  void report(const Exchange& x, int status) const;
  void set_deadline(Millis from_now) { deadline_ = shared_.clock.mono_ms() + from_now.count(); }
  void clear_deadline() { deadline_ = kNever; }

  ServerShared& shared_;
  Socket socket_;
  Timer signal_;
  const Peer peer_;
  std::atomic<MonoMs> deadline_{kNever};      ///< [any] reads it
  std::atomic<MonoMs> parked_since_{kNever};  ///< [any] reads it
  std::string buffer_;                        ///< received, not yet consumed
  HeadScanner scanner_;
  Phase phase_ = Phase::kReading;
  bool open_ = true;
  bool first_request_ = true;
  bool skip_empty_line_ = false;
  bool timed_out_ = false;
  bool notified_ = false;
  bool evicted_ = false;  ///< another connection needs its place
  bool peer_gone_ = false;
  bool streaming_ = false;     ///< until the connection ends
  bool linger_ = false;        ///< the peer may still send what nobody will read
  std::uint64_t park_id_ = 0;  ///< odd while parked
};

}  // namespace skep::net
