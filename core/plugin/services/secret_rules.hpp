// [secrets]: which values this node holds for plugins and scripts, and who may have them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace skep::plugin {

inline constexpr std::size_t kMaxSecret = 64u << 10;
/// Shorter ones would hide half of what people write.
inline constexpr std::size_t kMinSecret = 4;

struct SecretRule {
  std::string file;
  std::vector<std::string> plugins{};  ///< ids, and "script:NAME"; nobody else gets it
  bool operator==(const SecretRule&) const = default;
};
using SecretRules = std::map<std::string, SecretRule, std::less<>>;

/// `tables` are the [secrets.NAME] tables as JSON objects. kConfig for an unknown key, with the
/// nearest known one, or a value of another type. [any]
Result<SecretRules> parse_secret_rules(const std::map<std::string, std::string>& tables);

/// The value in the file, without a line end at its end. kConfig unless that is a regular file of
/// this user or root which nobody else may read, with 4 bytes to 64 KiB of UTF-8. [any]
Result<std::string> load_secret(const std::string& file);

/// The rules of this process from now on. [any]
void set_secret_rules(SecretRules rules);
/// The value for a plugin's id or "script:NAME", as its file has it now; it is masked in what that
/// one says from then on (masks.hpp). kNotFound, kDenied with the key to set, kUnavailable when the
/// file is not as load_secret() wants it. [any]
Result<std::string> read_secret(std::string_view asker, std::string_view name);

}  // namespace skep::plugin
