// What a task leaves behind beside its result: bytes with a name, kept by their hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace skep::model {

struct Artifact {
  std::string name;
  std::string media_type;
  std::int64_t size = 0;
  std::string sha256;
  bool operator==(const Artifact&) const = default;
};

/// Artifacts of one attempt, and inputs of one task.
inline constexpr std::size_t kMostArtifacts = 64;
inline constexpr std::string_view kBytes = "application/octet-stream";

/// [A-Za-z0-9._-]{1,128}, but not "." and "..": safe as the name of a file.
bool is_artifact_name(std::string_view s);
/// "type/subtype", perhaps with "; name=value", at most 127 bytes (RFC 9110, without quotes).
bool is_media_type(std::string_view s);

/// A parameter {"artifact": sha256, "size": n}: bytes that a task reads.
struct Input {
  std::string sha256;
  std::int64_t size = 0;
  auto operator<=>(const Input&) const = default;
};

}  // namespace skep::model
