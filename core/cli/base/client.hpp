// The control plane's REST API as the commands see it: JSON in, JSON or a Failure out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/cli/base/console.hpp"
#include "core/cli/base/destination.hpp"
#include "core/net/http.hpp"

namespace skep::cli {

/// Sends one request; net::HttpClient::send in the product.
using Transport = std::function<Result<net::ClientResponse>(const net::ClientRequest&)>;

/// A Transport over one net::HttpClient with its connection kept.
Transport http_transport();

using Query = std::vector<std::pair<std::string, std::string>>;

/// "/api/tasks" and {{"site","a b"}} become "/api/tasks?site=a%20b"; empty values are left out.
std::string with_query(std::string_view path, const Query& query);
/// One path segment or query value, percent-encoded.
std::string encode_part(std::string_view text);

class Client {
 public:
  /// The server of `to` is an http or https URL, or "unix:" and the path of a node's socket;
  /// kInvalid for anything else. Its token_file, where `token` was read from, is for messages.
  /// `abort`, when set, must outlive the client.
  static Result<Client> make(const Destination& to, std::string token, Millis timeout,
                             Transport transport, const std::atomic<bool>* abort);

  const std::string& server() const { return server_; }
  /// As in Destination.
  const std::string& up_folder() const { return up_folder_; }
  bool is_unix() const;
  /// How many answers came so far, without those that say that something is broken (5xx).
  std::uint64_t answers() const { return answers_; }
  /// How long one who waits bears that nobody answers; 0 = for ever. See Absence.
  Millis patience() const { return patience_; }
  void set_patience(Millis limit) { patience_ = limit; }
  /// The answer's JSON, an object: kCorrupt for anything else, which is a stranger's. `extra` is
  /// added to the time limit: what the server was asked to wait.
  Expected<json::value> get(const std::string& path_and_query, Millis extra = Millis{0});
  /// get() of a list: the object has "items".
  Expected<json::value> list(const std::string& path_and_query, Millis extra = Millis{0});
  Expected<json::value> post(const std::string& path, std::string body = {});
  /// A piece of bytes.
  Expected<json::value> put(const std::string& path, std::string bytes);
  /// Hands the body of a 2xx answer over as it comes, until `on_bytes` wants no more. The time
  /// limit is one of silence. False: it ended early.
  Expected<bool> fetch(const std::string& path, const std::string& header,
                       const std::function<bool(std::string_view)>& on_bytes);
  Expected<json::value> remove(const std::string& path);
  /// The answer as it came, whatever its status; a Failure only when there was none.
  Expected<net::ClientResponse> raw(std::string_view method, const std::string& path,
                                    std::string body, Millis extra = Millis{0});
  /// Hands a 2xx answer's body over as it comes, until it ends or `on_bytes` wants no more;
  /// kCorrupt when it was no stream of events. The time limit is one of silence; of one that
  /// `goes_on`, until its first byte.
  Expected<bool> stream(const std::string& path, bool goes_on,
                        std::function<bool(std::string_view)> on_bytes);
  /// The Failure that an answer with status 400 or above stands for.
  Failure failure_of(const net::ClientResponse& response) const;
  /// Of an answer of status 200 that no skep gives; `what` = "no list".
  Failure strange(const std::string& path, const std::string& what) const;

 private:
  Client(std::string server, std::string origin, const Destination& to, std::string token,
         Millis timeout, Transport transport, const std::atomic<bool>* abort);
  net::ClientRequest request_of(std::string_view method, const std::string& path) const;
  Expected<json::value> document_in(const std::string& path,
                                    const Expected<net::ClientResponse>& response) const;
  Expected<json::value> document(std::string_view method, const std::string& path, std::string body,
                                 Millis extra);
  Failure unreachable(const Error& cause, const std::string& url) const;

  std::string server_;
  std::string origin_;  ///< " (from node.toml:3:1)" or ""
  std::string up_folder_;
  std::string file_;        ///< as in Destination
  std::string token_file_;  ///< where token_ comes from; "" = there is none
  std::string token_;
  Millis timeout_;
  Transport transport_;
  const std::atomic<bool>* abort_;
  std::uint64_t answers_ = 0;
  Millis patience_{60'000};
};

}  // namespace skep::cli
