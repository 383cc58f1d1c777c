// Releases on the wire: scripts and plugins that a control plane hands to its workers.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/addressee.hpp"
#include "core/base/json.hpp"
#include "core/base/limits.hpp"
#include "core/base/result.hpp"

namespace skep::api {

inline constexpr std::size_t kMaxScriptBytes = 1u << 20;
inline constexpr std::size_t kMaxPluginBytes = 64u << 20;
/// GET /api/registry/blobs/{sha256}?chunk=N answers so many bytes, the last chunk fewer.
inline constexpr std::size_t kReleaseChunkBytes = 768u << 10;

enum class ReleaseKind { kScript, kPlugin };
std::string_view to_string(ReleaseKind k);
/// kInvalid names what there is.
Result<ReleaseKind> parse_release_kind(std::string_view word);
inline std::size_t max_bytes(ReleaseKind k) {
  return k == ReleaseKind::kScript ? kMaxScriptBytes : kMaxPluginBytes;
}

/// [a-z0-9] first, then [a-z0-9._-], at most 64 bytes: safe as a file name.
bool is_release_name(std::string_view s);
/// 64 lower-case hex digits.
bool is_sha256(std::string_view s);

/// What a worker has of a release, as its beats say.
struct HeldRelease {
  ReleaseKind kind = ReleaseKind::kScript;
  std::string name;
  std::string sha256;
  std::string state;   ///< "pending", "fetched" (on disk), "active" (serves) or "failed"
  std::string reason;  ///< why it failed, or waits
};
struct ReleaseReport {
  std::int64_t revision = -1;  ///< of the list that was applied last; -1 = none
  std::vector<HeldRelease> items;
};
void write(JsonOut& out, const ReleaseReport& report);  ///< one object
/// Items that make no sense are left out.
ReleaseReport read_release_report(const json::object& o);

/// GET /api/workers/{id}/releases: everything that worker is meant to have.
struct DesiredRelease {
  ReleaseKind kind = ReleaseKind::kScript;
  std::string name;
  std::string version;
  std::string sha256;
  std::int64_t size = 0;
  std::string signature;  ///< text of its .minisig file, "" = none
};
struct DesiredReleases {
  std::int64_t revision = 0;
  std::vector<DesiredRelease> items;
  Addressee to{};
};
std::string encode(const DesiredReleases& d);
/// kInvalid for what is no such list, and for an item whose name could leave its folder or whose
/// size is beyond the caps.
Result<DesiredReleases> decode_desired_releases(std::string_view body);

}  // namespace skep::api
