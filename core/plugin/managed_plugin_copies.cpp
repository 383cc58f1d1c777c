// The staged copies of one plugin: which stay on disk, and which are mapped again.
#include <algorithm>
#include <iterator>

#include "core/plugin/managed_plugin.hpp"

namespace skep::plugin {
namespace {

/// That stay on disk, and images that are mapped freshly.
constexpr std::size_t kCopies = 8;

}  // namespace

/// A staged copy of `source` for the next generation. After the first few it may be an earlier one
/// with the same bytes whose generation has ended: its code is mapped already, so that memory stays
/// bounded however often two versions alternate.
Result<Staged> ManagedPlugin::copy_of(const std::string& source) {
  const std::uint64_t last = status_->generations().last_number();
  const auto fresh = parts_.intake.stage(source, id_, last + 1);
  if (!fresh) return fresh.error();
  Staged copy = *fresh;
  const auto reusable = [&](const Staged& old) {
    return old.sha256 == fresh->sha256 && !parts_.drainer.holds(old.path) &&
           !(current_ && serving().file.path == old.path);
  };
  const auto old = std::find_if(copies_.begin(), copies_.end(), reusable);
  if (last >= kCopies && old != copies_.end()) {
    copy = *old;
    if (copy.path != fresh->path) remove_staged(*fresh);
  }
  std::erase_if(copies_, [&](const Staged& known) { return known.path == copy.path; });
  copies_.push_front(copy);
  remove_old_copies();
  return copy;
}

/// The same of a staged copy. kDenied when it is no longer what was staged.
Result<Staged> ManagedPlugin::same_bytes_of(const Staged& staged) {
  auto copy = copy_of(staged.path);
  if (copy && copy->sha256 != staged.sha256) return changed_after_check(staged, copy->sha256);
  return copy;
}

bool ManagedPlugin::is_wanted(const Staged& copy) const {
  return (current_ && serving().file.path == copy.path) ||
         std::any_of(before_.begin(), before_.end(),
                     [&](const auto& recipe) { return recipe->file.path == copy.path; });
}

void ManagedPlugin::remove_old_copies() {
  for (auto last = copies_.end(); copies_.size() > kCopies && last != std::next(copies_.begin());) {
    if (is_wanted(*--last)) continue;
    remove_staged(*last);
    last = copies_.erase(last);
  }
}

}  // namespace skep::plugin
