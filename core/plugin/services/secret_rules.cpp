#include "core/plugin/services/secret_rules.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>

#include "core/base/describe.hpp"
#include "core/base/fd.hpp"
#include "core/base/json.hpp"
#include "core/base/mutex.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"
#include "core/plugin/services/masks.hpp"

namespace skep::plugin {
namespace {

struct HeldRules {
  Mutex mutex;
  SecretRules rules SKEP_GUARDED_BY(mutex);
};

HeldRules& held_rules() {
  static auto* the = new HeldRules;
  return *the;
}

Result<std::vector<std::string>> read_askers(const json::value& value, const std::string& where) {
  const Error wrong = config_error(
      where + " plugins is " + describe(value) +
      "; expected a list of plugin ids and \"script:NAME\", such as [\"com.acme.db\"]");
  const auto* list = value.if_array();
  if (list == nullptr) return wrong;
  std::vector<std::string> out;
  for (const json::value& item : *list) {
    if (!item.is_string() || item.get_string().empty()) return wrong;
    out.emplace_back(item.get_string());
  }
  return out;
}

Result<SecretRule> parse_secret_rule(const std::string& name, const std::string& table) {
  const std::string where = "[secrets." + name + "]";
  const auto parsed = parse_json(table);
  if (!parsed || !parsed->is_object()) return config_error(where + " is no table");
  SecretRule rule;
  for (const auto& [key, value] : parsed->get_object()) {
    if (key == "file" && value.is_string()) {
      rule.file = value.get_string();
    } else if (key == "file") {
      return config_error(where + " file is " + describe(value) + "; expected a path");
    } else if (key == "plugins") {
      auto who = read_askers(value, where);
      if (!who) return who.error();
      rule.plugins = std::move(*who);
    } else {
      return config_error(where + " has the unknown key \"" + std::string(key) + "\"; " +
                          suggestion(key, std::vector<std::string>{"file", "plugins"}));
    }
  }
  if (rule.file.empty())
    return config_error(where + " file is missing: the file that holds the value");
  return rule;
}

/// As of a token's file; a secret may have many lines.
Status check_secret_file(int fd, const std::string& file) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return config_error(errno_error("read " + file, errno).message);
  if (!S_ISREG(info.st_mode)) return config_error(file + " is no regular file");
  if (info.st_uid != ::geteuid() && info.st_uid != 0)
    return config_error(file + " belongs to another user")
        .with_next("chown " + std::to_string(::geteuid()) + " " + file);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return config_error(file + " may be read by other users").with_next("chmod 600 " + file);
  if (static_cast<std::uint64_t>(info.st_size) > kMaxSecret + 2)
    return config_error(file + " has more than 64 KiB, which is the most a secret may have");
  return {};
}

Result<std::string> read_secret_file(int fd, const std::string& file) {
  std::string out(kMaxSecret + 3, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t n = ::read(fd, out.data() + size, out.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return config_error(errno_error("read " + file, errno).message);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  out.resize(size);
  return out;
}

Error with_secret_key(Error error, std::string_view name, std::string_view asker) {
  const std::string key =
      "[secrets." + std::string(name) + "] plugins = [\"" + std::string(asker) + "\"]";
  error.message += "; next: " + key + " in the node's TOML file";
  return error;
}

}  // namespace

Result<SecretRules> parse_secret_rules(const std::map<std::string, std::string>& tables) {
  SecretRules out;
  for (const auto& [name, table] : tables) {
    auto rule = parse_secret_rule(name, table);
    if (!rule) return rule.error();
    out.emplace(name, std::move(*rule));
  }
  return out;
}

Result<std::string> load_secret(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return config_error(errno_error("read " + file, errno).message);
  SKEP_TRY(check_secret_file(fd.get(), file));
  auto text = read_secret_file(fd.get(), file);
  if (!text) return text.error();
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->size() > kMaxSecret)
    return config_error(file + " has more than 64 KiB, which is the most a secret may have");
  if (text->size() < kMinSecret)
    return config_error(file + " holds less than 4 bytes, which is too little to be kept secret");
  if (!is_utf8(*text)) return config_error(file + " is not UTF-8 text");
  return text;
}

void set_secret_rules(SecretRules rules) {
  HeldRules& h = held_rules();
  const MutexLock lock(h.mutex);
  h.rules = std::move(rules);
}

Result<std::string> read_secret(std::string_view asker, std::string_view name) {
  SecretRule rule;
  {
    HeldRules& h = held_rules();
    const MutexLock lock(h.mutex);
    const auto at = h.rules.find(name);
    if (at == h.rules.end()) {
      std::vector<std::string> known;
      for (const auto& [n, r] : h.rules)
        if (std::find(r.plugins.begin(), r.plugins.end(), asker) != r.plugins.end())
          known.push_back(n);
      Error error{Code::kNotFound,
                  "this node has no secret \"" + std::string(clip_utf8(name, 128)) + "\""};
      if (!known.empty()) error.message += "; " + suggestion(std::string(name), known);
      error.message += "; next: [secrets." + std::string(clip_utf8(name, 128)) +
                       "] file = \"..\" in the node's TOML file";
      return error;
    }
    rule = at->second;
  }
  if (std::find(rule.plugins.begin(), rule.plugins.end(), asker) == rule.plugins.end())
    return with_secret_key(
        {Code::kDenied, "secret \"" + std::string(name) + "\" is not for " + std::string(asker)},
        name, asker);
  auto value = load_secret(rule.file);
  if (!value) {
    Error error = unavailable("secret \"" + std::string(name) + "\": " + value.error().message);
    if (!value.error().next.empty()) error.message += "; next: " + value.error().next;
    return error;
  }
  mask_for(asker, *value);
  return value;
}

}  // namespace skep::plugin
