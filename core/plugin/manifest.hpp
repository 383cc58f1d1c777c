// What a plugin says of itself: the JSON that its file carries in section .note.skep.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

struct ManifestComponent {
  std::string name;
  std::string kind;  ///< "skep.kind.task/1"
  std::string description;
  std::string stability;             ///< development, alpha, beta, stable or deprecated
  std::string reload;                ///< parallel, exclusive or restart
  std::int64_t max_concurrency = 0;  ///< 0 = no limit
  std::int64_t cancel_grace_ms = 1000;
  std::int64_t default_timeout_ms = 0;  ///< 0 = none
  std::vector<std::string> required_services;
  std::vector<std::string> permissions;
  std::vector<std::string> artifacts;        ///< for the reserved channels 16, 17, ..; unused
  std::optional<api::Schema> config_schema;  ///< none = the table must be empty
  std::optional<api::Schema> params_schema;  ///< tasks; none = any object
};

struct Manifest {
  std::string id;
  std::string version;
  std::string license;
  std::string description;
  std::string abi;             ///< "skep/1"
  std::int64_t min_minor = 0;  ///< least ABI minor of the host
  std::string unload;          ///< keep or safe
  std::string isolation;       ///< inproc, process or per-task: what the author advises
  std::vector<std::string> isolation_allowed;
  std::vector<ManifestComponent> components;
};

/// Reads a manifest strictly: unknown members, wrong types and bad schemas are kInvalid with the
/// place ("components[0].kind"). [any]
Result<Manifest> parse_manifest(std::string_view json_text);

/// Its task types, each with the JSON Schema of its parameters.
std::map<std::string, std::string> task_types(const Manifest& manifest);

/// What its components may do together: they are one piece of code.
std::vector<std::string> permissions(const Manifest& manifest);

/// [a-z0-9_-]+ parts separated by dots, 64 bytes at most.
bool is_plugin_id(std::string_view s);

}  // namespace skep::plugin
