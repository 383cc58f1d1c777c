// What a registry's releases mean: which worker gets which, whether a canary does well, what may be
// forgotten. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/artifacts.hpp"
#include "core/base/clock.hpp"

namespace skep::control {

enum class ReleaseState { kCanary, kActive, kRolledBack, kWithdrawn };
std::string_view to_string(ReleaseState s);
ReleaseState parse_release_state(std::string_view word);

/// Tasks that ended, by outcome; cancelled ones do not count.
struct Tally {
  std::int64_t ok = 0;
  std::int64_t failed = 0;
  std::int64_t finished() const { return ok + failed; }
};

/// One publication of an artifact. Releases of a name form a stack: the newest one that is in force
/// for a worker is what it runs, so taking one away brings the one below it back.
struct Release {
  std::int64_t id = 0;  ///< the revision that published it
  api::ArtifactKind kind = api::ArtifactKind::kScript;
  std::string name;
  std::string arch;  ///< "any", "x86_64" or "aarch64"
  std::string version;
  std::string sha256;
  std::int64_t size = 0;
  std::string signature;
  std::vector<std::string> types;     ///< task types it brings
  std::vector<std::string> sites;     ///< sorted; empty = every site
  std::vector<std::string> canaries;  ///< ids of the workers that try it first
  bool hold = false;                  ///< a canary goes on until somebody promotes it
  std::int64_t promote_after_ms = 600'000;
  std::int64_t promote_after_tasks = 20;
  WallMs published_ms = 0;
  Tally before;  ///< of its types, all that ended before it was published

  ReleaseState state = ReleaseState::kActive;
  std::string reason;         ///< why it was rolled back
  std::int64_t revision = 0;  ///< its last change
  WallMs changed_ms = 0;
  Tally canary;  ///< on canaries since they have it
  Tally others;  ///< elsewhere at its sites, meanwhile

  bool in_force() const { return state == ReleaseState::kActive || state == ReleaseState::kCanary; }
  bool covers(std::string_view site) const;
  bool is_canary(std::string_view worker_id) const;
  bool brings(std::string_view type) const;
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
/// successes, or when all canaries have it and its time is over, unless it is held.
/// `in_place` of its canaries have it; `load_failure` is "" or what one of them said.
Judgement judge(const Release& r, WallMs now, std::size_t in_place,
                const std::string& load_failure);

inline constexpr std::size_t kKeptReleases = 10;
/// Ids of the releases that may be forgotten: beyond the newest 10 of their name and in force for
/// nobody. `releases` is sorted by id.
std::vector<std::int64_t> forgettable(const std::vector<Release>& releases);

/// "x86_64" or "aarch64" of a 64-bit little-endian ELF file; nothing for other bytes.
std::optional<std::string> elf_arch(std::string_view bytes);

}  // namespace skep::control
