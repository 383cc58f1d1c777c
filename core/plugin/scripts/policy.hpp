// What scripts may do on this node: [scripts] and [scripts.NAME].
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace skep::plugin {

/// The permissions that scripts can declare: exec, facts, http, kv, secrets, task.
const std::vector<std::string>& script_permissions();

/// [scripts.NAME]: what differs for one task type.
struct ScriptRule {
  bool enabled = true;
  std::optional<std::vector<std::string>> allow{};  ///< instead of the node's list
  std::int64_t timeout_ms = 0;                      ///< 0 = what the script says
  std::int64_t max_concurrency = 0;                 ///< 0 = no limit of its own
};

struct ScriptPolicy {
  std::vector<std::string> allow{"facts", "kv"};
  std::map<std::string, ScriptRule, std::less<>> rules{};

  const ScriptRule& rule(std::string_view name) const;
  /// Those of `declared` that the node does not grant to script `name`; `shipped` scripts get what
  /// they declare unless their rule has a list.
  std::vector<std::string> refused(std::string_view name, const std::vector<std::string>& declared,
                                   bool shipped) const;
  /// kDenied with what refused() lists and the line that grants it; `file` is for the message.
  Status check(std::string_view file, const std::string& name,
               const std::vector<std::string>& declared, bool shipped) const;
};

/// kConfig for an unknown permission or key, with the nearest known one. `tables` are the
/// [scripts.NAME] tables as JSON objects.
Result<ScriptPolicy> parse_script_policy(std::vector<std::string> allow,
                                         const std::map<std::string, std::string>& tables);

}  // namespace skep::plugin
