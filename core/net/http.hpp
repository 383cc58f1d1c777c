// HTTP as the rest of the core sees it: own types, no Beast, no Asio, no curl.
//
// Asio lives in session.cpp and http_server.cpp alone, Boost.URL in target.cpp, libcurl in
// http_client.cpp.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/net/caller.hpp"

namespace skep::net {

class WaitList;

struct HttpRequest {
  std::string method;                          ///< "GET"
  std::string path;                            ///< decoded, without query and trailing slash
  std::map<std::string, std::string> query;    ///< decoded
  std::map<std::string, std::string> params;   ///< {name} parts of the route
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::string peer;        ///< "127.0.0.1:5123"
  MonoMs received_ms = 0;  ///< when its header was complete
  Caller caller{};         ///< who sends it; may what the route's row asks for
  bool closing = false;    ///< answer now, do not wait: the server stops, or has no room to wait
  int runs = 0;            ///< how often the handler has run for it before

  std::string_view header(const std::string& lower_name) const;
};

/// "Not yet": run the handler again when `list` wakes this request, or at `until`. No thread waits.
/// A client that closes its end meanwhile, even half, is not answered.
struct Wait {
  WaitList* list = nullptr;  ///< must outlive the server
  std::string key;           ///< what the waker names
  std::uint64_t ticket = 0;  ///< WaitList::ticket(key) taken before the handler looked
  /// Then the handler runs a last time and must answer; count from HttpRequest::received_ms, which
  /// stays the same in each run. HttpRequest::closing ends the wait early.
  MonoMs until = 0;
  /// Called when the client leaves meanwhile: the handler does not run again. May be empty.
  std::function<void()> abandoned{};
};

/// One piece of a body that goes on.
struct StreamPart {
  std::string bytes{};  ///< sent before the next piece is asked for; may be empty
  bool end = false;     ///< the last one
  Wait wait{};          ///< when to ask for the next one; `until` 0 = at once
};

/// Gives a body piece by piece. Asked on a network thread and without a handler slot, so it returns
/// at once; not any more once the server stops, the peer has left or has not taken a whole piece
/// within body_timeout.
using Stream = std::function<StreamPart()>;

/// A part of a file as a body. It is read and sent in pieces, so its size takes no memory; between
/// two pieces it holds no handler slot.
struct FileBody {
  UniqueFd file;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::unique_ptr<Wait> wait;        ///< set: this is no answer yet
  Stream stream{};                   ///< set: the body, up to the end of the connection
  std::unique_ptr<FileBody> file{};  ///< set: the body, with its length

  static HttpResponse json(std::string body, int status = 200);
  /// Prometheus text format 0.0.4.
  static HttpResponse metrics(std::string body);
  /// RFC 9457 problem document. `extra` is appended members (",\"errors\":[..]"), or "".
  /// Carries Retry-After when the error has retry_after or may pass by itself (at least 1 s then).
  static HttpResponse problem(const Error& error, std::string_view extra = {});
  /// The same with another status than the one of the error's code (405, 413, 429, ..).
  static HttpResponse problem(int status, const Error& error, std::string_view extra = {});
  static HttpResponse wait_for(Wait wait);
  static HttpResponse streaming(std::string content_type, Stream stream);
  /// A file of `size` bytes, or the part that `request` asks for (RFC 9110: one range, If-Range,
  /// If-None-Match): 200, 206, 304 or 416. `etag` is without its quotes and changes with the
  /// content.
  static HttpResponse of_file(const HttpRequest& request, UniqueFd file, std::uint64_t size,
                              std::string_view etag, std::string content_type);
};

/// Requests that wait for something, each under a key. Lost wake-ups are impossible: a request that
/// registers with a ticket older than the last wake of its key runs again at once. [any]
class WaitList {
 public:
  using Waker = std::function<void()>;
  /// Taken before the handler looks for what it may have to wait for.
  std::uint64_t ticket(std::string_view key) const;
  /// Registers; `waker` is called at most once, on any thread and without a lock of the list.
  /// Returns an id for remove(), or 0 when it was woken already (then `waker` has been called).
  std::uint64_t add(std::string key, std::uint64_t ticket, Waker waker);
  /// True: it waited still, and its waker never runs. False for 0 and for one that was woken: its
  /// waker has run or is about to.
  bool remove(std::uint64_t id);
  /// Wakes whoever waits under `key`; returns how many.
  std::size_t wake(const std::string& key);
  std::size_t wake_all();
  std::size_t size() const;

 private:
  using Keys = std::unordered_multimap<std::string, std::uint64_t>;
  struct Entry {
    Keys::iterator by_key;
    Waker waker;
  };
  /// Grows at each wake that may concern `key`.
  std::uint64_t stamp(std::string_view key) const SKEP_REQUIRES(mutex_);

  mutable Mutex mutex_;
  /// Wakes of keys, by hash: two keys of one number merely run a handler once too often.
  std::array<std::uint64_t, 1024> wakes_ SKEP_GUARDED_BY(mutex_){};
  std::uint64_t everybody_ SKEP_GUARDED_BY(mutex_) = 1;
  std::uint64_t last_id_ SKEP_GUARDED_BY(mutex_) = 0;
  Keys keys_ SKEP_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, Entry> entries_ SKEP_GUARDED_BY(mutex_);
};

/// body_cap of a route that works without a body (`curl -X POST` sends no Content-Length then).
/// Routes that take more cannot do without: 411.
inline constexpr std::size_t kOptionalBody = 64 << 10;

/// A query parameter of a route.
struct QueryParameter {
  std::string_view name;
  std::string_view doc{};
  std::string_view schema = R"({"type":"string"})";  ///< JSON Schema of its text
};

/// What goes in and out of a route, for openapi.json: names of schemas, see Router::openapi.
struct RouteDocuments {
  struct Answer {
    std::string_view status;      ///< "503"
    std::string_view document{};  ///< "" = no body
  };
  std::string_view request{};   ///< "" = it takes no body, or ignores it
  std::string_view response{};  ///< of a 2xx
  std::string_view media = "application/json";
  std::vector<QueryParameter> headers{};  ///< of the request
  std::vector<Answer> others{};           ///< those that are neither 2xx nor a problem document
};

/// One row of the route table. A route without a row does not exist.
struct Route {
  std::string_view method;
  std::string_view path;  ///< "/api/tasks/{id}/logs", canonical: no version, no trailing slash
  Right right = Right::kOperate;
  std::size_t body_cap = 0;  ///< bytes; 0 = no body allowed
  std::string_view summary;  ///< one line, for openapi.json
  std::function<HttpResponse(const HttpRequest&)> handler;
  RouteDocuments documents{};
  std::vector<QueryParameter> query{};  ///< those it takes; another one is refused by name
  bool any_query = false;               ///< for probes and scrapers, which add their own
  bool bytes = false;                   ///< its body is application/octet-stream and not JSON
  bool heavy = false;  ///< may read a lot: a few such handlers run at a time, beside the others
  /// How many values (objects, arrays, members, numbers ..) a JSON body may have: decoded, they
  /// take far more memory than as text.
  std::size_t value_cap = 200'000;
};

/// The same row for a handler that may read a lot.
inline Route heavy(Route row) {
  row.heavy = true;
  return row;
}

/// The same row for a body that is bytes.
inline Route takes_bytes(Route row) {
  row.bytes = true;
  return row;
}

/// The same row for a body of many values, such as an array of documents.
inline Route many_values(Route row, std::size_t cap = 1'000'000) {
  row.value_cap = cap;
  return row;
}

struct RouteMatch {
  const Route* route = nullptr;
  std::map<std::string, std::string> params;
  std::vector<std::string_view> allowed;  ///< methods of the path when only the method is wrong
};

/// Matches paths: /api/v1/x is /api/x, one trailing slash is ignored, literal parts win over
/// {names}, HEAD is answered by GET. Immutable after construction. [any]
class Router {
 public:
  /// Throws std::logic_error for two rows of one method and path, or a path that is not canonical.
  explicit Router(std::vector<Route> routes);
  /// `path` is the percent-decoded path. Pointers into the router live as long as it.
  RouteMatch match(std::string_view method, std::string_view path) const;
  /// The known path closest to `path`, with its own parts in place of {names}; "" when none is.
  std::string nearest_path(std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }
  /// OpenAPI 3.1 document of the table. `schemas` are the schemas that the rows name, as the
  /// members of a JSON object: "\"Task\":{..},\"Worker\":{..}". "Problem" is there already.
  std::string openapi(std::string_view version, std::string_view schemas = {}) const;

 private:
  /// One part of a path. Children and rows are indexes, so that a Router moves freely.
  struct Node {
    std::map<std::string, std::size_t, std::less<>> literals;
    std::size_t parameter = 0;      ///< node of {name}; 0 = none
    std::vector<std::size_t> rows;  ///< routes that end here
  };
  using Parts = std::vector<std::string_view>;
  void insert(std::size_t row);
  const Node* find(std::size_t node, const Parts& parts, std::size_t depth, Parts& values) const;

  std::vector<Route> routes_;
  std::vector<Node> nodes_;
};

struct ServerOptions {
  std::vector<std::string> listen;  ///< "127.0.0.1:9595", "[::1]:0"
  /// Path of a UNIX socket to serve as well, "" = none. Its mode is 0600. One process owns a path:
  /// kState names the one that does.
  std::string unix_socket{};
  KnownCallers callers{};
  std::size_t threads = 4;             ///< handlers that may run, and block, at the same time
  std::size_t max_connections = 1024;  ///< seven eighths of them may wait for news
  std::size_t max_per_address = 512;   ///< without those that wait for news
  /// Bytes of bodies of all requests at one time, see BodyBudget: one that finds no place is
  /// answered 503.
  std::size_t body_memory = 256u << 20;
  Millis header_timeout{10'000};
  Millis body_timeout{30'000};
  Millis idle_timeout{60'000};
  std::function<void(std::string_view method, std::string_view route, int status, Millis took)>
      on_request;  ///< for metrics; called on a server thread; route "" = none matched
};

/// `threads` + 1 threads, each does network work and runs handlers; at most `threads` handlers run
/// at once, so one thread is always left for the network however long they block.
///
/// Limits: header 8 KiB, body and its values by route; no Transfer-Encoding in requests; a body
/// moves with at least 16 KiB/s once body_timeout is over, in both directions.
class HttpServer {
 public:
  HttpServer(ServerOptions options, Router router);
  ~HttpServer();
  /// Binds and serves; kConfig when an address is wrong or not loopback without `callers`,
  /// kUnavailable when it is taken.
  Status start();
  /// Bound addresses as base URLs ("http://127.0.0.1:41231"), in the order of options.listen,
  /// then "unix:/path".
  std::vector<std::string> urls() const;
  /// Stops accepting, runs waiting handlers a last time with `closing`, lets running ones finish
  /// and answer within `grace`, then closes everything. It returns when the last handler has: one
  /// that blocks longer is logged and waited for. Idempotent; not from a handler.
  void stop(Millis grace = Millis{2'000});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string body;                  ///< is application/json unless a header says otherwise
  Millis timeout{30'000};            ///< whole exchange; 0 = none
  Millis connect_timeout{5'000};
  std::size_t max_body = 64u << 20;
  std::string unix_socket{};  ///< path: connect there, whatever the host of `url`
  /// Takes the body of a 2xx answer as it comes, instead of ClientResponse::body and without
  /// max_body; false gives the rest up (kCancelled).
  std::function<bool(std::string_view)> on_body{};
  /// The media type that on_body takes; the body of another is in ClientResponse::body. "" = any.
  std::string body_type{};
  /// Asked every 50 ms on the thread that sends; true gives up (kCancelled). May be empty.
  std::function<bool()> aborted{};
};

struct ClientResponse {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

/// A libcurl handle with its connection kept. One request at a time; not thread-safe: one client
/// per thread. No redirects, http and https only. The proxy is that of the environment; none for
/// loopback, nor for plain HTTP with an Authorization field, which it could read.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  /// kUnavailable when no HTTP answer came ("GET http://..: Connection refused"), kDeadline when
  /// the time was up, kCancelled when aborted, kInvalid for a bad URL or header, kUnsupported when
  /// the answer is larger than max_body. Any HTTP status is a response, not an error.
  Result<ClientResponse> send(const ClientRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::net
