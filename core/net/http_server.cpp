#include <pthread.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "core/base/log.hpp"
#include "core/net/connections.hpp"
#include "core/net/listener.hpp"
#include "core/net/session.hpp"

namespace skep::net {
namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<Strand>> kAccepted{};
constexpr Millis kAcceptPause{100};  ///< after EMFILE and the like, which do not pass by retrying
constexpr MonoMs kLogPause = 10'000;

void log_exception(std::string_view where, const std::exception_ptr& thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    log::error("http_internal_error", {{"where", where}, {"error", e.what()}});
  }
}

/// Counts what happens too often to be logged each time: one line per 10 s. [any]
class Complaint {
 public:
  explicit Complaint(std::string_view event) : event_(event) {}
  void add(MonoMs now, std::string_view reason) {
    const std::uint64_t count = ++count_;
    MonoMs last = logged_at_;
    if (last != 0 && now - last < kLogPause) return;
    if (logged_at_.compare_exchange_strong(last, now))
      log::warn(event_, {{"reason", reason}, {"total", count}});
  }

 private:
  const std::string_view event_;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<MonoMs> logged_at_{0};
};

}  // namespace

struct HttpServer::Impl {
  enum class State { kNew, kRunning, kStopped };

  Impl(ServerOptions options, Router router)
      : shared(std::move(options), std::move(router)),
        connections(shared.options.max_connections, shared.options.max_per_address, shared.parking),
        sweep_timer(asio::make_strand(io)) {}

  Status open_all();
  Status add(Result<Listener> listener);
  void say_who_is_known();
  void spawn(const Strand& executor, Awaitable<void> task, std::string_view name);
  void start_threads();
  Awaitable<void> accept_loop(Listener& listener);
  void adopt(Socket socket, Peer peer);
  Awaitable<void> sweep_loop();
  Millis sweep_interval() const;
  void keep_sockets();
  void close_listeners();

  asio::io_context io;
  ServerShared shared;
  Connections connections;
  Complaint refused{"http_connections_refused"};
  Complaint accept_failed{"http_accept_failed"};
  Complaint socket_lost{"http_socket_lost"};
  PeerIdentity identity;
  Timer sweep_timer;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::jthread> threads;
  State state = State::kNew;
};

Status HttpServer::Impl::open_all() {
  const KnownCallers& known = shared.options.callers;
  for (const std::string& text : shared.options.listen)
    SKEP_TRY(add(listen_tcp(io, text, !known.token.empty() || known.others_may_be_elsewhere)));
  if (shared.options.unix_socket.empty()) return {};
  return add(listen_unix(io, shared.options.unix_socket));
}

Status HttpServer::Impl::add(Result<Listener> listener) {
  if (!listener) return listener.error();
  listeners.push_back(std::make_unique<Listener>(std::move(*listener)));
  return {};
}

/// Once, at the start: where the kernel does not tell users apart, people look for the reason.
void HttpServer::Impl::say_who_is_known() {
  const bool asks = std::any_of(listeners.begin(), listeners.end(), [](const auto& listener) {
    return listener->loopback && !listener->is_unix();
  });
  if (!asks || !shared.options.callers.trust_local_uid) return;
  if (const Status known = identity.probe(); !known)
    log::warn("http_local_users_unknown",
              {{"reason", known.error().message},
               {"effect", "requests over TCP need a token, those of root and of this user too"},
               {"next", "set [http] token_file; the node's UNIX socket still knows them"}});
}

void HttpServer::Impl::spawn(const Strand& executor, Awaitable<void> task, std::string_view name) {
  asio::co_spawn(executor, std::move(task),
                 [name](std::exception_ptr thrown) { log_exception(name, thrown); });
}

void HttpServer::Impl::start_threads() {
  for (std::size_t i = 0; i <= shared.options.threads; ++i)
    threads.emplace_back([this] {
      pthread_setname_np(pthread_self(), "skep-http");
      io.run();
    });
}

Awaitable<void> HttpServer::Impl::accept_loop(Listener& listener) {
  Timer pause(listener.acceptor.get_executor());
  while (!shared.closing) {
    asio::generic::stream_protocol::endpoint from;
    auto [error, socket] =
        co_await listener.acceptor.async_accept(asio::make_strand(io), from, kAccepted);
    if (shared.closing) co_return;
    if (!error) {
      auto peer = greet(listener, socket, from, identity);
      if (peer) adopt(std::move(socket), std::move(*peer));
      continue;
    }
    const bool anew = error == asio::error::operation_aborted;  // see keep_sockets()
    if (anew || error == asio::error::connection_aborted) continue;
    accept_failed.add(shared.clock.mono_ms(), error.message());
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAccepted);
  }
}

void HttpServer::Impl::adopt(Socket socket, Peer peer) {
  auto session = std::make_shared<Session>(shared, std::move(socket), std::move(peer));
  if (!connections.add(session)) {
    refused.add(shared.clock.mono_ms(),
                "as many connections at work as max_connections or max_per_address allow");
    return;
  }
  asio::co_spawn(session->executor(), session->run(), [this, session](std::exception_ptr thrown) {
    log_exception("session", thrown);
    connections.remove(session);
  });
}

Millis HttpServer::Impl::sweep_interval() const {
  const Millis shortest = std::min(
      {shared.options.header_timeout, shared.options.body_timeout, shared.options.idle_timeout});
  return std::clamp(shortest / 4, Millis{10}, Millis{500});
}

Awaitable<void> HttpServer::Impl::sweep_loop() {
  while (!shared.closing || !connections.wait_empty(Millis{0})) {
    sweep_timer.expires_after(sweep_interval());
    co_await sweep_timer.async_wait(kAccepted);
    const MonoMs now = shared.clock.mono_ms();
    connections.for_each([now](Session& session) { session.check_deadline(now); });
    keep_sockets();
  }
}

/// A node whose socket was removed would run and look as if it did not.
void HttpServer::Impl::keep_sockets() {
  for (const std::unique_ptr<Listener>& listener : listeners) {
    if (!listener->is_unix()) continue;
    asio::post(listener->acceptor.get_executor(), [this, &at = *listener] {
      if (shared.closing || !at.claim->is_gone()) return;
      if (const Status made = listen_anew(at); !made)
        return socket_lost.add(shared.clock.mono_ms(), made.error().message);
      log::warn("http_socket_made_anew", {{"url", at.url}, {"reason", "its file was removed"}});
    });
  }
}

void HttpServer::Impl::close_listeners() {
  for (const std::unique_ptr<Listener>& listener : listeners)
    asio::post(listener->acceptor.get_executor(), [&acceptor = listener->acceptor] {
      boost::system::error_code ignored;  // nobody can do anything about a failed close
      acceptor.close(ignored);
    });
}

HttpServer::HttpServer(ServerOptions options, Router router)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(router))) {}

HttpServer::~HttpServer() { stop(); }

Status HttpServer::start() {
  if (impl_->state != Impl::State::kNew)
    return Error{Code::kState, "the HTTP server was started before"};
  if (const Status opened = impl_->open_all(); !opened) {
    impl_->listeners.clear();
    return opened.error();
  }
  impl_->say_who_is_known();
  for (const std::unique_ptr<Listener>& listener : impl_->listeners) {
    log::info("http_listening", {{"url", listener->url}});
    impl_->spawn(listener->acceptor.get_executor(), impl_->accept_loop(*listener), "accept");
  }
  impl_->spawn(impl_->sweep_timer.get_executor(), impl_->sweep_loop(), "sweep");
  impl_->start_threads();
  impl_->state = Impl::State::kRunning;
  return {};
}

std::vector<std::string> HttpServer::urls() const {
  std::vector<std::string> out;
  for (const std::unique_ptr<Listener>& listener : impl_->listeners) out.push_back(listener->url);
  return out;
}

void HttpServer::stop(Millis grace) {
  if (impl_->state != Impl::State::kRunning) return;
  impl_->state = Impl::State::kStopped;
  impl_->shared.closing = true;
  impl_->close_listeners();
  impl_->connections.for_each([](Session& session) { session.request_stop(); });
  if (!impl_->connections.wait_empty(grace)) {
    log::warn("http_stop_grace_over", {{"grace_ms", grace.count()}});
    impl_->connections.for_each([](Session& session) { session.force_close(); });
  }
  asio::post(impl_->sweep_timer.get_executor(),
             [impl = impl_.get()] { impl->sweep_timer.cancel(); });
  impl_->threads.clear();  // joins: the threads end with the last session
  for (const std::unique_ptr<Listener>& listener : impl_->listeners) listener->claim.reset();
}

}  // namespace skep::net
