// Where the registry lives: releases and the bytes of their files, as rows of the store, so that
// every control plane of one database serves the same.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "core/control/fleet/rollout.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

/// [any]. Every change of releases is one transaction that moves the registry's revision by one and
/// fails with kState when somebody else moved it meanwhile.
class ReleaseStore {
 public:
  explicit ReleaseStore(ports::Store& store) : store_(store) {}
  static std::vector<std::string> migrations();

  Result<std::int64_t> revision();
  struct Contents {
    std::int64_t revision = 0;
    std::vector<Release> releases;  ///< sorted by id
  };
  Result<Contents> load();

  /// Written in the transaction of a change, with it or not at all.
  using Statements = std::vector<ports::Statement>;
  /// Adds `r` as revision r.id; forgets the others. Its bytes must be there: put() them first.
  Status add(const Release& r, const std::vector<std::int64_t>& forget, WallMs now,
             Statements also);
  /// Writes state, reason, revision and changed_ms of releases that exist; all share one revision.
  Status change(const std::vector<Release>& changed, Statements also);
  /// A statement that adds to the tallies of release `id`, whatever the revision.
  static ports::Statement add_tallies(std::int64_t id, const Tally& canary, const Tally& others);

  /// Writes the bytes, chunk by chunk; repairs chunks that are damaged.
  Status put(const std::string& sha256, std::string_view bytes, WallMs now);
  /// Bytes of which no release is left. `touched` is another number each time they are put.
  struct Orphan {
    std::string sha256;
    std::int64_t touched = 0;
    auto operator<=>(const Orphan&) const = default;
  };
  Result<std::vector<Orphan>> orphans();
  /// Drops those that nobody has put again or published meanwhile.
  Status drop(const std::vector<Orphan>& orphans);
  /// kNotFound for an unknown hash or a chunk beyond its end, kCorrupt "release-damaged" when the
  /// bytes are not those that were put.
  Result<std::string> chunk(const std::string& sha256, std::int64_t index);
  Result<std::string> blob(const std::string& sha256);

 private:
  Status write(const Statements& batch);
  ports::Store& store_;
};

}  // namespace skep::control
