#include <algorithm>
#include <boost/json.hpp>
#include <boost/url.hpp>
#include <cmath>

#include "core/base/describe.hpp"
#include "core/base/duration.hpp"
#include "core/base/events.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/config/layers.hpp"
#include "core/control/events/config.hpp"

namespace skep::config {
namespace {

constexpr std::size_t kMaxNesting = 32;
constexpr std::string_view kName =
    "1 to 128 of letters, digits, \".\", \"_\" and \"-\", starting with a letter or digit";

/// Of a unit of time; 0 for others.
double seconds_of(std::string_view unit) {
  return unit == "seconds" ? 1 : unit == "days" ? kDay : 0;
}

struct Address {
  std::string host;
  std::int64_t port = -1;
  bool is_v6() const { return host.find(':') != std::string::npos; }
  bool is_any() const { return host == "0.0.0.0" || host == "::"; }
  bool is_loopback() const {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
  }
};

bool is_host(const Address& a) {
  if (a.host == "localhost") return true;
  if (a.is_v6()) return boost::urls::parse_ipv6_address(a.host).has_value();
  return boost::urls::parse_ipv4_address(a.host).has_value();
}

/// "127.0.0.1:8000", "localhost:8000" or "[::1]:8000".
std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const Address out{std::string(host), to_int(text.substr(colon + 1)).value_or(-1)};
  if (out.port < 0 || out.port > 65535 || out.is_v6() != bracketed || !is_host(out))
    return std::nullopt;
  return out;
}

std::string one_of(std::string_view text, const std::vector<std::string>& words) {
  if (std::find(words.begin(), words.end(), text) != words.end()) return {};
  const std::string near = nearest(text, words);
  return "expected one of " + join(words, ", ") +
         (near.empty() ? "" : "; did you mean \"" + near + "\"?");
}

std::string check_url(std::string_view text) {
  std::string want = "expected an address such as http://localhost:8000";
  const auto url = boost::urls::parse_uri(text);
  if (!url) return want;
  if (url->scheme() != "http" && url->scheme() != "https")
    return want + "; the scheme is http or https";
  if (url->host().empty()) return want + "; the host is missing";
  if (url->has_userinfo()) return want + "; a token belongs into worker.token_file";
  if (url->has_query() || url->has_fragment()) return want + ", without \"?\" and \"#\"";
  const std::int64_t port = url->has_port() ? to_int(url->port()).value_or(0) : 80;
  if (port < 1 || port > 65535) return want + "; the port is 1 to 65535";
  return {};
}

std::string check_path(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return "a path has no zero byte";
  if (text == "~" || text.starts_with("~/")) return "\"~\" is not expanded; write the whole path";
  return {};
}

std::string check_event_pattern(std::string_view text) {
  if (!events::is_pattern(text))
    return "expected the name of an event such as task.failed, or a beginning and *, such as "
           "worker.*; a ! before it means all others";
  if (text.starts_with('!')) text.remove_prefix(1);
  const std::string pattern(text);
  std::vector<std::string> known;
  for (const std::string_view kind : control::event_kinds()) {
    if (events::matches({&pattern, 1}, kind)) return {};
    known.emplace_back(kind);
  }
  return "no event that is kept is called so; " + suggestion(text, known);
}

std::string check_format(Format format, std::string_view text) {
  switch (format) {
    case Format::kAny:
      return {};
    case Format::kId:
      return is_name(text) ? "" : "expected " + std::string(kName);
    case Format::kPath:
      return check_path(text);
    case Format::kUrl:
      return check_url(text);
    case Format::kListen:
      return parse_address(text) ? ""
                                 : "expected an IP address and port such as 127.0.0.1:8000 "
                                   "or [::1]:8000";
    case Format::kRole:
      return one_of(text, {"control", "worker"});
    case Format::kLogFormat:
      return one_of(text, {"text", "json"});
    case Format::kLogLevel:
      return one_of(text, {"debug", "info", "warn", "error"});
    case Format::kEventPattern:
      return check_event_pattern(text);
    case Format::kTrustPolicy:
      return one_of(text, {"none", "pin", "signature", "both"});
  }
  return {};
}

/// TOML is UTF-8 by law; the environment and flags are whatever somebody typed.
bool is_utf8(const json::value& value) {
  return value.is_number() || static_cast<bool>(parse_json(to_text(value)));
}

/// null, inf or nan somewhere: what TOML or JSON cannot say.
bool has_hole(const json::value& value) {
  if (const auto* a = value.if_array()) return std::any_of(a->begin(), a->end(), has_hole);
  if (const auto* o = value.if_object())
    return std::any_of(o->begin(), o->end(), [](const auto& m) { return has_hole(m.value()); });
  return value.is_null() || (value.is_double() && !std::isfinite(value.get_double()));
}

std::string decimal(double number) {
  return number == std::floor(number) ? std::to_string(static_cast<std::int64_t>(number))
                                      : JsonOut().number(number).take();
}

class Checker {
 public:
  Checker(const Key& key, json::value& value) : key_(key), value_(value) {}

  std::vector<std::string> run() {
    if (!is_utf8(value_))
      problems_.push_back(key_.path() + " is not UTF-8 text");
    else
      std::visit([this](auto at) { check(at); }, key_.field);
    return std::move(problems_);
  }

 private:
  void check(bool* (*)(Config&)) {
    if (!value_.is_bool()) mismatch();
  }

  void check(int* (*)(Config&)) {
    if (!value_.is_int64() && !value_.is_uint64()) return mismatch();
    check_range(value_.to_number<double>());
  }

  void check(double* (*)(Config&)) {
    read_duration();
    if (!value_.is_number()) return mismatch();
    check_range(value_.to_number<double>());
  }

  /// "5m" in the unit of the key.
  void read_duration() {
    const double unit = seconds_of(key_.unit);
    if (unit == 0 || !value_.is_string()) return;
    if (const auto seconds = parse_duration_with_unit(value_.get_string()))
      value_ = *seconds / unit;
  }

  void check(std::string* (*)(Config&)) { check_whole_text(); }
  void check(std::pair<ComponentTable*, std::string_view> (*)(Config&)) { check_whole_text(); }

  void check(std::vector<std::string>* (*)(Config&)) {
    if (value_.is_string()) value_ = json::array{value_};
    if (!value_.is_array()) return mismatch();
    const json::array& items = value_.get_array();
    if (key_.required && items.empty())
      return add(key_.path() + " is empty; expected at least one entry");
    check_items(key_.path(), items);
  }

  void check(std::map<std::string, bool>* (*)(Config&)) {
    if (!value_.is_object()) return mismatch();
    for (const auto& [name, flag] : value_.get_object()) {
      const std::string where = key_.path() + "." + shorten(name);
      if (!flag.is_bool()) add(where + " is " + describe(flag) + "; expected true or false");
      if (const std::string why = check_format(key_.format, name); !why.empty())
        add(std::string(where).append(" is no name; ").append(why));
    }
  }

  void check(std::map<std::string, std::vector<std::string>>* (*)(Config&)) {
    if (!value_.is_object()) return mismatch();
    for (auto& [name, items] : value_.get_object()) {
      const std::string where = key_.path() + ".\"" + shorten(name) + "\"";
      if (items.is_string()) items = json::array{items};
      if (items.is_array())
        check_items(where, items.get_array());
      else
        add(where + " is " + describe(items) + "; expected a list of strings");
    }
  }

  void check_whole_text() {
    if (!value_.is_string()) return mismatch();
    if (!value_.get_string().empty()) return check_text(key_.path(), value_);
    if (key_.required) add(key_.path() + " is empty; expected " + expected(key_));
  }

  void check_items(const std::string& path, const json::array& items) {
    for (std::size_t i = 0; i < items.size(); ++i) check_item(path, items, i);
  }

  void check_item(const std::string& path, const json::array& items, std::size_t i) {
    const std::string where = path + "[" + std::to_string(i) + "]";
    if (!items[i].is_string())
      return add(where + " is " + describe(items[i]) + "; expected a string");
    if (items[i].get_string().empty()) return add(where + " is empty");
    check_text(where, items[i]);
    const auto self = items.begin() + static_cast<std::ptrdiff_t>(i);
    const bool any_port = std::string_view(items[i].get_string()).ends_with(":0");
    if (!any_port && std::find(items.begin(), self, items[i]) != self)
      add(where + " repeats " + describe(items[i]));
  }

  void check_text(const std::string& where, const json::value& text) {
    const std::string why = check_format(key_.format, std::string_view(text.get_string()));
    if (why.empty()) return;
    add(where + " is " + describe(json::value(hide_password(text.get_string()))) + "; " + why);
  }

  void check_range(double number) {
    if (!(number >= key_.min && number <= key_.max)) mismatch();
  }

  void mismatch() {
    add(key_.path() + " is " + describe(value_) + "; expected " + expected(key_) +
        (seconds_of(key_.unit) == 0 ? "" : ", or a text such as \"5m\""));
  }
  void add(std::string message) { problems_.push_back(std::move(message)); }

  const Key& key_;
  json::value& value_;
  std::vector<std::string> problems_;
};

/// What speaks against one of several listen addresses, given those before it.
std::string clash(const Address& a, const std::vector<std::string>& listen, std::size_t i) {
  for (std::size_t j = 0; j < i; ++j) {
    const auto b = parse_address(listen[j]);
    if (!b || a.port == 0 || a.port != b->port || a.is_v6() != b->is_v6()) continue;
    if (a.host == b->host || a.is_any() || b->is_any())
      return listen[i] + " and " + listen[j] + " cover the same address";
  }
  return {};
}

class TogetherChecker {
 public:
  explicit TogetherChecker(const Loaded& loaded) : loaded_(loaded), c_(loaded.config) {}

  std::vector<Problem> run() {
    if (c_.is_control()) check_listen();
    if (c_.tasks.retry_cap_seconds < c_.tasks.retry_base_seconds)
      add("control.retry_cap_seconds",
          "is less than control.retry_base_seconds (" + decimal(c_.tasks.retry_base_seconds) + ")");
    if (c_.presence.stale_after_seconds < c_.presence.offline_after_seconds)
      add("control.stale_after_seconds", "is less than control.offline_after_seconds (" +
                                             decimal(c_.presence.offline_after_seconds) + ")");
    if (c_.is_control() && c_.is_worker() &&
        c_.worker.heartbeat_interval_seconds >= c_.tasks.lease_seconds)
      add("worker.heartbeat_interval_seconds",
          "is not less than control.lease_seconds (" + decimal(c_.tasks.lease_seconds) +
              "): every lease would run out; a third of it is a good value");
    return std::move(problems_);
  }

 private:
  void check_listen() {
    for (std::size_t i = 0; i < c_.http.listen.size(); ++i) {
      const auto address = parse_address(c_.http.listen[i]);
      if (!address) continue;  // said by check_value()
      if (const std::string why = clash(*address, c_.http.listen, i); !why.empty())
        add("http.listen", ": " + why + "; keep one of them");
      if (!address->is_loopback() && c_.http.token_file.empty() && c_.http.join_token_file.empty())
        add("http.listen", "has " + c_.http.listen[i] +
                               ", which others can reach; set http.token_file, or listen on "
                               "127.0.0.1 only");
    }
  }

  void add(const std::string& path, const std::string& message) {
    const auto origin = loaded_.origins.find(path);
    problems_.push_back({origin == loaded_.origins.end() ? Origin{} : origin->second,
                         path + (message.starts_with(':') ? "" : " ") + message});
  }

  const Loaded& loaded_;
  const Config& c_;
  std::vector<Problem> problems_;
};

struct Expectation {
  const Key& key;

  std::string range() const {
    const std::string unit = key.unit.empty() ? "" : " of " + std::string(key.unit);
    return unit + " from " + decimal(key.min) + " to " + decimal(key.max);
  }
  std::string operator()(std::string* (*)(Config&)) const { return "a string"; }
  std::string operator()(bool* (*)(Config&)) const { return "true or false"; }
  std::string operator()(int* (*)(Config&)) const { return "an integer" + range(); }
  std::string operator()(double* (*)(Config&)) const { return "a number" + range(); }
  std::string operator()(std::vector<std::string>* (*)(Config&)) const {
    return "a list of strings";
  }
  std::string operator()(std::map<std::string, bool>* (*)(Config&)) const {
    return "true or false by name, such as {\"docker\": true} in the environment or "
           "{ docker = true } in TOML";
  }
  std::string operator()(std::map<std::string, std::vector<std::string>>* (*)(Config&)) const {
    return "lists of strings by name, such as {\"com.acme.\": [\"RW..\"]} in the environment or "
           "{ \"com.acme.\" = [\"RW..\"] } in TOML";
  }
  std::string operator()(std::pair<ComponentTable*, std::string_view> (*)(Config&)) const {
    return "a string";
  }
};

}  // namespace

std::string hide_password(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t at = scheme == std::string_view::npos ? scheme : text.find('@', scheme);
  if (at == std::string_view::npos) return std::string(text);
  const std::size_t colon = text.find(':', scheme + 3);
  if (colon >= at) return std::string(text);
  return std::string(text.substr(0, colon + 1)) + "***" + std::string(text.substr(at));
}

std::string expected(const Key& key) { return std::visit(Expectation{key}, key.field); }

std::vector<std::string> check_value(const Key& key, json::value& value) {
  return Checker(key, value).run();
}

std::string check_member(const json::value& value) {
  if (nesting(value) > kMaxNesting)
    return "is nested deeper than " + std::to_string(kMaxNesting) + " levels";
  if (has_hole(value)) return "has null, inf or nan; expected finite values";
  return is_utf8(value) ? "" : "is not UTF-8 text";
}

std::vector<Problem> check_together(const Loaded& loaded) { return TogetherChecker(loaded).run(); }

}  // namespace skep::config
