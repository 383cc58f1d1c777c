#include "marker.hpp"

#include <fcntl.h>

#include <cerrno>
#include <sstream>

#include "item_name.hpp"

namespace spool {
namespace {

constexpr const char* kFile = ".inflight";
constexpr std::size_t kCap = 1 << 20;

}  // namespace

void Marker::open(int root) {
  const Read old = read_regular(root, kFile, kCap);
  std::istringstream lines(old.bytes);
  std::string word;
  std::string name;
  int count = 0;
  while (lines >> word >> count >> name)
    if (parse_name(name)) crashes_[name] = count + (word == "active" ? 1 : 0);
  ::unlinkat(root, kFile, 0);  // whatever it was: a link or a folder of that name is not ours
  file_ = Fd(::openat(root, kFile, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_) throw io_fault("make .inflight", errno);
  save();
}

std::vector<std::string> Marker::culprits() const {
  std::vector<std::string> out;
  for (const auto& [name, count] : crashes_)
    if (count >= kMaxCrashes) out.push_back(name);
  return out;
}

void Marker::begin(const std::vector<std::string>& names) {
  active_ = {names.begin(), names.end()};
  save();
}

void Marker::settle(const std::string& name) {
  const bool was_suspect = crashes_.erase(name) > 0;
  const bool was_active = active_.erase(name) > 0;
  if (was_suspect || (was_active && active_.empty())) save();
}

void Marker::clear() {
  active_.clear();
  save();
}

void Marker::save() {
  std::ostringstream out;
  for (const std::string& name : active_) {
    const auto known = crashes_.find(name);
    out << "active " << (known == crashes_.end() ? 0 : known->second) << ' ' << name << '\n';
  }
  for (const auto& [name, count] : crashes_)
    if (!active_.contains(name)) out << "known " << count << ' ' << name << '\n';
  try {
    rewrite(file_.get(), out.str());
  } catch (const skep::Fault&) {
    // A full disk: without the marker a crash goes uncounted, which harms no item.
  }
}

}  // namespace spool
