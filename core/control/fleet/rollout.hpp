// What a registry's releases mean: which worker gets which, whether a canary does well, what may be
// forgotten. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/release_json.hpp"
#include "core/base/clock.hpp"

namespace skep::control {

using ReleaseState = api::ReleaseState;
using Tally = api::Tally;

/// One publication of a script or plugin. Releases of a name form a stack: the newest one that is
/// in force for a worker is what it runs, so taking one away brings the one below it back.
struct Release : api::ReleaseRecord {
  /// Of a plugin's components that are no task types; empty in a script, and in what an older
  /// control plane published.
  std::vector<std::string> components;
  bool in_force() const { return state == ReleaseState::kActive || state == ReleaseState::kCanary; }
  bool covers(std::string_view site) const;
  bool is_canary(std::string_view worker_id) const;
  bool brings(std::string_view type) const;
  bool owns(std::string_view name_or_type) const;
};

struct Seat {
  std::string worker_id;
  std::string site;
  std::string arch;
};

/// What that worker is meant to run of each name, in order of name. `releases` is sorted by id.
std::vector<const Release*> desired(const std::vector<Release>& releases, const Seat& seat);

/// The same `count` of them for the same name, whatever their order; spread evenly by hash.
std::vector<std::string> choose_canaries(std::string_view name, std::vector<std::string> workers,
                                         std::size_t count);

struct Judgement {
  enum class What { kWait, kPromote, kRollBack } what = What::kWait;
  std::string reason;
};
inline constexpr std::int64_t kLeastFinished = 5;
inline constexpr double kWorseBy = 0.20;
/// How a canary does. Rolled back at once when one could not load it, and when at least 5 tasks
/// ended on canaries and the share that failed is more than 20 points above that of the other
/// workers meanwhile (of all before, while fewer than 5 ended there). Promoted after so many
/// successes, or when all canaries have had it for its time, unless it is held. For `quiet_ms` all
/// of them have it, nothing = not all do; `load_failure` is "" or what one of them said.
Judgement judge(const Release& r, std::optional<std::int64_t> quiet_ms,
                const std::string& load_failure);

inline constexpr std::size_t kKeptReleases = 10;
/// Ids of the releases that may be forgotten: beyond the newest 10 of their name and in force for
/// nobody. `releases` is sorted by id.
std::vector<std::int64_t> forgettable(const std::vector<Release>& releases);

/// "x86_64" or "aarch64" of a 64-bit little-endian ELF file; nothing for other bytes.
std::optional<std::string> elf_arch(std::string_view bytes);

}  // namespace skep::control
