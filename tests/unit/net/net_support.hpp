// A real server on a free loopback port, and a client that sends the bytes it is told.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/text.hpp"
#include "core/net/http.hpp"

namespace skep::net::test {

inline constexpr Millis kPatience{120'000};  ///< longer than any machine needs

/// Waits for something that happens on another thread.
class Event {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool wait(int count = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count_ >= count; });
  }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

/// Polls a condition that has no event to wait on, until it holds or patience ends.
inline bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

inline ServerOptions local_options() {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  return options;
}

inline Route route(std::string_view method, std::string_view path,
                   std::function<HttpResponse(const HttpRequest&)> handler,
                   std::size_t body_cap = 0, Right right = Right::kNone) {
  Route r{method, path, right, body_cap, "a route of a test", std::move(handler)};
  r.any_query = true;
  return r;
}

/// A started server; fails the test when it does not start.
class TestServer {
 public:
  explicit TestServer(std::vector<Route> routes, ServerOptions options = local_options())
      : server_(std::move(options), Router(std::move(routes))) {
    const Status started = server_.start();
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
  }
  HttpServer& operator*() { return server_; }
  HttpServer* operator->() { return &server_; }
  std::string url(std::string_view path = "") const {
    return server_.urls().at(0) + std::string(path);
  }
  std::uint16_t port() const {
    const std::string base = server_.urls().at(0);
    return static_cast<std::uint16_t>(to_int(base.substr(base.rfind(':') + 1)).value_or(0));
  }

 private:
  HttpServer server_;
};

struct RawResponse {
  int status = 0;
  std::string head;
  std::string body;
};

/// One TCP connection to a loopback port.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    connected_ = ::connect(fd_.get(), generic, sizeof(address)) == 0;
  }
  bool connected() const { return connected_; }

  /// False when the server has closed already.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  /// The next response; status 0 when the connection ended first.
  RawResponse read_response(bool to_head = false) {
    RawResponse out;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
      if (!receive()) return out;
    out.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    const std::string length = header(out.head, "Content-Length");
    const auto size = static_cast<std::size_t>(to_int(length).value_or(0));
    while (!to_head && received_.size() < size)
      if (!receive()) return out;
    if (!to_head) out.body = received_.substr(0, size);
    if (!to_head) received_.erase(0, size);
    out.status = static_cast<int>(to_int(out.head.substr(9, 3)).value_or(0));
    return out;
  }
  /// Everything until the server closes; nothing is left open when it returns true.
  bool read_to_end(std::string& all) {
    while (receive()) {
    }
    all = received_;
    return ended_;
  }
  static std::string header(const std::string& head, const std::string& name) {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }

 private:
  bool receive() {
    pollfd p{fd_.get(), POLLIN, 0};
    if (::poll(&p, 1, static_cast<int>(kPatience.count())) <= 0) return false;
    char chunk[4096];
    const ssize_t n = ::recv(fd_.get(), chunk, sizeof(chunk), 0);
    ended_ = n <= 0;
    if (n > 0) received_.append(chunk, static_cast<std::size_t>(n));
    return n > 0;
  }

  UniqueFd fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string received_;
};

inline std::string get(std::string_view path, std::string_view more_headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(more_headers) + "\r\n";
}

inline std::string post(std::string_view path, std::string_view body,
                        std::string_view more_headers = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + std::string(more_headers) + "\r\n" +
         std::string(body);
}

}  // namespace skep::net::test
