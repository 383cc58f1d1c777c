// A control plane that says what a test tells it: a real HTTP server with scripted answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/api/addressee.hpp"
#include "core/net/http.hpp"

namespace skep::test {

class FakeControl {
 public:
  using Answer = std::function<net::HttpResponse(const net::HttpRequest&)>;

  /// Serves the worker protocol on a loopback port of the kernel's choice; throws when it cannot.
  FakeControl();
  ~FakeControl();
  std::string url() const;
  /// Whom the answer to `request` is for.
  static api::Addressee sender_of(const net::HttpRequest& request);
  /// What `call` ("register", "claim", "release", "heartbeat", "releases", "results") answers.
  /// Until then: 200 and what an agreeable control plane says.
  void on(const std::string& call, Answer answer);
  /// Bodies that came for `call`, in order.
  std::vector<std::string> bodies(const std::string& call) const;
  std::string last_header(const std::string& lower_name) const;

 private:
  net::HttpResponse serve(const std::string& call, const net::HttpRequest& request);

  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::map<std::string, std::vector<std::string>> bodies_;
  std::map<std::string, std::string> last_headers_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace skep::test
