// Space set aside in the spool, one portion for each result that may come.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/mutex.hpp"
#include "core/ports/spool.hpp"

namespace skep::worker {

/// The size of a portion may change while some are out: as much is given back as was taken. [any]
class SpoolReserve {
 public:
  /// `spool` outlives it.
  SpoolReserve(ports::Spool& spool, std::uint64_t bytes) : spool_(spool), bytes_(bytes) {}
  /// Takes `wanted` portions, or fewer when there is no room for more; an error when there is none.
  Result<int> take(int wanted);
  /// Why the spool takes nothing, such as a folder that is gone; "" = it does. That there is no
  /// room is for take() to say.
  std::string trouble();
  /// Portions of an earlier size go first.
  void give_back();
  /// The size of portions from now on; false when it is that already.
  bool resize(std::uint64_t bytes);

 private:
  std::optional<std::uint64_t> pick();

  ports::Spool& spool_;
  Mutex mutex_;
  std::uint64_t bytes_ SKEP_GUARDED_BY(mutex_);
  std::map<std::uint64_t, int> out_ SKEP_GUARDED_BY(mutex_);  ///< portions by size
};

}  // namespace skep::worker
