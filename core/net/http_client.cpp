#include <fcntl.h>
#include <strings.h>

#include <algorithm>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "core/base/text.hpp"
#include "core/net/curl_library.hpp"
#include "core/net/guard.hpp"
#include "core/net/http.hpp"
#include "core/net/unix_socket.hpp"

namespace skep::net {
namespace {

constexpr int kAbortTickMs = 50;

struct EasyDelete {
  void operator()(CURL* easy) const { curl().easy_cleanup(easy); }
};
struct MultiDelete {
  void operator()(CURLM* multi) const { curl().multi_cleanup(multi); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDelete>;
using Multi = std::unique_ptr<CURLM, MultiDelete>;
using HeaderList = std::unique_ptr<curl_slist, ListDelete>;

/// The answer while it arrives.
struct Incoming {
  ClientResponse response;
  const ClientRequest* request = nullptr;
  CURL* easy = nullptr;
  bool too_large = false;
  bool given_up = false;  ///< by on_body
};

/// Whether the answer is one that on_body takes.
bool goes_on(const Incoming& in) {
  long status = 0;
  const auto type = in.response.headers.find("content-type");
  const bool is_wanted =
      in.request->body_type.empty() ||
      (type != in.response.headers.end() && type->second.starts_with(in.request->body_type));
  return in.request->on_body && is_wanted &&
         curl().easy_getinfo(in.easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
         status >= 200 && status < 300;
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& in = *static_cast<Incoming*>(user);
  if (goes_on(in)) {
    in.given_up = !in.request->on_body({data, size});
    return in.given_up ? 0 : size;
  }
  if (in.response.body.size() + size > in.request->max_body) {
    in.too_large = true;
    return 0;
  }
  in.response.body.append(data, size);
  return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& headers = static_cast<Incoming*>(user)->response.headers;
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) headers.clear();  // 100 Continue came before
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  headers[std::move(name)] = trim(line.substr(colon + 1));
  return size;
}

int close_on_exec(void*, curl_socket_t fd, curlsocktype) {
  return ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

Code code_of(CURLcode result) {
  switch (static_cast<int>(result)) {
    case CURLE_OPERATION_TIMEDOUT:
      return Code::kDeadline;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Code::kInvalid;
    case CURLE_OUT_OF_MEMORY:
      return Code::kNoMemory;
    default:
      return Code::kUnavailable;
  }
}

bool names(const std::string& line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         strncasecmp(line.c_str(), name.data(), name.size()) == 0;
}

/// Past any proxy that the environment names: to this machine, and with a token that a proxy of
/// plain HTTP would read. NO_PROXY is libcurl's to obey.
bool must_go_directly(const ClientRequest& request) {
  const std::size_t scheme = request.url.find("://");
  if (scheme == std::string::npos) return false;
  std::string_view host = std::string_view(request.url).substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto at = host.rfind('@'); at != host.npos) host.remove_prefix(at + 1);
  if (is_loopback_authority(host)) return true;
  const bool plain = strncasecmp(request.url.c_str(), "http:", 5) == 0;
  return plain && std::any_of(request.headers.begin(), request.headers.end(),
                              [](const auto& line) { return names(line, "authorization"); });
}

/// libcurl takes "Name:" for a wish to leave the field out, and "Name;" for an empty one.
std::string curl_line(const std::string& line) {
  const std::size_t colon = line.find(':');
  const bool empty = line.find_first_not_of(" \t", colon + 1) == std::string::npos;
  return empty ? line.substr(0, colon) + ";" : line;
}

HeaderList header_list(const ClientRequest& request) {
  HeaderList list;
  const auto append = [&list](const char* line) {
    curl_slist* longer = curl().slist_append(list.get(), line);
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(list.release());  // now part of `longer`
    list.reset(longer);
  };
  append("Expect:");  // no round trip before a body
  bool typed = false;
  for (const std::string& line : request.headers) {
    typed = typed || names(line, "content-type");
    append(curl_line(line).c_str());
  }
  if (!typed) append(request.body.empty() ? "Content-Type:" : "Content-Type: application/json");
  return list;
}

bool is_method(const std::string& method) {
  return !method.empty() &&
         std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_header(const std::string& line) {
  return line.find_first_of("\r\n") == std::string::npos && line.find(':') != std::string::npos;
}

/// For people: of what is sent only the name, because the value may be a secret.
Error no_header(const std::string& line) {
  const std::size_t end = line.find_first_of(":\r\n");
  const bool named = end != std::string::npos && line[end] == ':';
  return invalid(named ? "the value of the header " + line.substr(0, end) + " is not one line"
                       : "a header is not \"Name: value\"");
}

}  // namespace

struct HttpClient::Impl {
  Multi multi;
  Easy easy;
  char error_text[CURL_ERROR_SIZE] = {};

  /// Makes the handles with the first request.
  Status open();
  void prepare(const ClientRequest& request, curl_slist* headers, Incoming& in);
  /// Sends the prepared request there, whatever its host.
  void connect_to(const std::string& unix_socket);
  /// What curl said, or nothing when it was aborted first.
  std::optional<CURLcode> transfer(const std::function<bool()>& aborted);
  Error error_of(CURLcode result, const ClientRequest& request, const Incoming& in) const;
};

Status HttpClient::Impl::open() {
  if (multi && easy) return {};
  SKEP_TRY(load_curl());
  multi.reset(curl().multi_init());
  easy.reset(curl().easy_init());
  if (!multi || !easy) throw std::bad_alloc();
  curl().multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, 2L);
  return {};
}

void HttpClient::Impl::prepare(const ClientRequest& request, curl_slist* headers, Incoming& in) {
  CURL* h = easy.get();
  curl().easy_reset(h);
  error_text[0] = '\0';
  const auto set = [h](CURLoption option, auto value) {
    // Fails only for an option this libcurl was built without: a broken build.
    if (curl().easy_setopt(h, option, value) != CURLE_OK)
      throw std::logic_error("libcurl lacks option " + std::to_string(option));
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  if (must_go_directly(request)) set(CURLOPT_PROXY, "");
  set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  set(CURLOPT_USERAGENT, "skep");
  set(CURLOPT_ERRORBUFFER, error_text);
  set(CURLOPT_SOCKOPTFUNCTION, &close_on_exec);
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&in));
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&in));
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  const bool sends_body = !request.body.empty() || request.method == "POST" ||
                          request.method == "PUT" || request.method == "PATCH";
  if (sends_body) {
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  if (request.method != "HEAD") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void HttpClient::Impl::connect_to(const std::string& unix_socket) {
  if (curl().easy_setopt(easy.get(), CURLOPT_UNIX_SOCKET_PATH, unix_socket.c_str()) != CURLE_OK)
    throw std::logic_error("libcurl lacks UNIX sockets");
}

std::optional<CURLcode> HttpClient::Impl::transfer(const std::function<bool()>& aborted) {
  std::optional<CURLcode> result;
  if (curl().multi_add_handle(multi.get(), easy.get()) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
  int running = 1;
  while (running > 0 && (!aborted || !aborted())) {
    if (curl().multi_perform(multi.get(), &running) != CURLM_OK) result = CURLE_OUT_OF_MEMORY;
    if (result) break;
    const int tick = aborted ? kAbortTickMs : 1000;
    if (running > 0 && curl().multi_poll(multi.get(), nullptr, 0, tick, nullptr) != CURLM_OK)
      result = CURLE_OUT_OF_MEMORY;
  }
  int queued = 0;
  while (const CURLMsg* message = curl().multi_info_read(multi.get(), &queued))
    if (message->msg == CURLMSG_DONE) result = message->data.result;
  curl().multi_remove_handle(multi.get(), easy.get());  // fails only for a foreign handle
  return result;
}

Error HttpClient::Impl::error_of(CURLcode result, const ClientRequest& request,
                                 const Incoming& in) const {
  const std::string doing = request.method + " " + request.url;
  if (in.given_up) return Error{Code::kCancelled, doing + ": given up"};
  if (in.too_large)
    return Error{
        Code::kUnsupported,
        doing + ": the answer is larger than " + std::to_string(request.max_body) + " bytes",
        "answer-too-large"};
  int os_error = 0;
  long raw = 0;
  if (curl().easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &raw) == CURLE_OK)
    os_error = static_cast<int>(raw);
  std::string why = error_text[0] != '\0' ? error_text : curl().easy_strerror(result);
  if (result == CURLE_COULDNT_CONNECT && os_error != 0)
    why = std::generic_category().message(os_error);
  return Error{code_of(result), doing + ": " + why};
}

HttpClient::HttpClient() : impl_(std::make_unique<Impl>()) {}

HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<ClientResponse> HttpClient::send(const ClientRequest& request) {
  std::optional<SocketPath> socket;
  if (!request.unix_socket.empty()) {
    auto path = SocketPath::open(request.unix_socket);
    if (!path) return path.error();
    socket.emplace(std::move(*path));
  }
  if (!is_method(request.method))
    return invalid("an HTTP method is capital letters only, such as GET");
  for (const std::string& line : request.headers)
    if (!is_header(line)) return no_header(line);
  SKEP_TRY(impl_->open());
  const HeaderList headers = header_list(request);
  Incoming in;
  in.request = &request;
  in.easy = impl_->easy.get();
  impl_->prepare(request, headers.get(), in);
  if (socket) impl_->connect_to(socket->text());
  const std::optional<CURLcode> result = impl_->transfer(request.aborted);
  if (!result) return Error{Code::kCancelled, request.method + " " + request.url + ": aborted"};
  if (*result != CURLE_OK) return impl_->error_of(*result, request, in);
  long status = 0;
  if (curl().easy_getinfo(impl_->easy.get(), CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
    return internal_error(request.method + " " + request.url + ": no status");
  in.response.status = static_cast<int>(status);
  return std::move(in.response);
}

}  // namespace skep::net
