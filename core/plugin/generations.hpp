// The newest generations of one plugin or script, with their numbers.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/plugin/generation.hpp"

namespace skep::plugin {

/// [any]
class Generations {
 public:
  static constexpr std::size_t kKept = 8;

  /// `owner` as Generation has it.
  explicit Generations(std::string owner) : owner_(std::move(owner)) {}

  /// The next one: `info` without its number, which grows by one from 1.
  std::shared_ptr<Generation> make(GenerationInfo info);
  /// That make() gave out; 0 = none yet.
  std::uint64_t last_number() const;
  /// The node stops: see Generation::hurry().
  void hurry() const;
  /// What hangs in those that serve, as text.
  std::vector<std::string> hangs() const;
  /// Newest first, at most kKept.
  std::vector<GenerationInfo> infos() const;

 private:
  const std::string owner_;
  mutable Mutex mutex_;
  std::uint64_t last_number_ SKEP_GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<Generation>> kept_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::plugin
