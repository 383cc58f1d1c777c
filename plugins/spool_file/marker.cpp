#include "marker.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "item_name.hpp"

namespace spool {
namespace {

constexpr const char* kFile = ".inflight";
constexpr std::size_t kCap = 1 << 20;
constexpr int kHarmless = 1;  ///< deaths after which nothing waits yet

}  // namespace

void Marker::open(int root) {
  const Read old = read_regular(root, kFile, kCap);
  std::istringstream lines(old.bytes);
  std::string word;
  std::string name;
  int count = 0;
  while (lines >> word >> count >> name)
    if (parse_name(name)) deaths_[name] = count + (word == "active" ? 1 : 0);
  ::unlinkat(root, kFile, 0);  // whatever it was: a link or a folder of that name is not ours
  file_ = Fd(::openat(root, kFile, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_) throw io_fault("make .inflight", errno);
  save();
}

int Marker::deaths(const std::string& name) const {
  const auto at = deaths_.find(name);
  return at == deaths_.end() ? 0 : at->second;
}

std::chrono::minutes Marker::pause(const std::string& name) const {
  constexpr int kMost = 60;
  const int again = deaths(name) - kHarmless;
  return std::chrono::minutes(again <= 0 ? 0 : std::min(kMost, 1 << std::min(again - 1, 6)));
}

void Marker::each_waiting(const std::function<void(const std::string&, int)>& tell) const {
  for (const auto& [name, count] : deaths_)
    if (count > kHarmless) tell(name, count);
}

void Marker::begin(const std::vector<std::string>& names) {
  active_ = {names.begin(), names.end()};
  save();
}

void Marker::settle(std::span<const std::string> names) {
  std::size_t known = 0;
  for (const std::string& name : names) known += active_.erase(name) + deaths_.erase(name);
  if (known > 0) save();
}

void Marker::keep(const std::function<bool(const std::string&)>& there) {
  if (std::erase_if(deaths_, [&](const auto& known) { return !there(known.first); }) > 0) save();
}

void Marker::clear() {
  active_.clear();
  save();
}

void Marker::save() {
  std::ostringstream out;
  for (const std::string& name : active_) {
    const auto known = deaths_.find(name);
    out << "active " << (known == deaths_.end() ? 0 : known->second) << ' ' << name << '\n';
  }
  for (const auto& [name, count] : deaths_)
    if (!active_.contains(name)) out << "known " << count << ' ' << name << '\n';
  try {
    rewrite(file_.get(), out.str());
  } catch (const skep::Fault&) {
    // A full disk: without the marker a death goes uncounted, which harms no item.
  }
}

}  // namespace spool
