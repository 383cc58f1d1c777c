#include "core/app/config_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace skep::app {
namespace {

namespace fs = std::filesystem;

constexpr Millis kLook{60'000};  ///< for a change whose notice was lost
constexpr Millis kSettle{50};

std::string absolute_path(const std::string& path) {
  std::error_code ec;
  const fs::path whole = fs::absolute(path, ec);
  return ec ? path : whole.lexically_normal().string();
}

/// The folder of the file, and that of each link on the way to it: whichever of them is made to
/// lead elsewhere, it is another file.
std::vector<std::string> folders_of(const std::string& path) {
  std::vector<std::string> out;
  const auto add = [&out](const fs::path& folder) {
    if (std::find(out.begin(), out.end(), folder.string()) == out.end())
      out.push_back(folder.string());
  };
  add(fs::path(path).parent_path());
  constexpr int kMostLinks = 40;  // as the kernel follows
  int links = 0;
  fs::path left = path;
  fs::path at = "/";
  std::error_code ec;
  while (!left.empty() && links < kMostLinks) {
    const fs::path name = *left.begin();
    left = left.lexically_relative(name);
    if (left == ".") left.clear();
    const fs::path next = (at / name).lexically_normal();
    if (!fs::is_symlink(next, ec)) {
      at = next;
      continue;
    }
    ++links;
    add(at);
    const fs::path target = fs::read_symlink(next, ec);
    left = left.empty() ? target : target / left;
    if (target.is_absolute()) at = "/";
  }
  add(at.parent_path());
  return out;
}

}  // namespace

ConfigWatch::ConfigWatch(Reloader& reloader, Millis quiet)
    : Service("skep-config"),
      reloader_(reloader),
      quiet_(quiet),
      path_(absolute_path(reloader.path())),
      folders_(folders_of(path_)) {}

void ConfigWatch::request() {
  requested_ = true;
  folders_.wake();
}

ConfigWatch::Stamp ConfigWatch::stamp_of(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return {};
  return {static_cast<std::int64_t>(s.st_dev),
          static_cast<std::int64_t>(s.st_ino),
          s.st_size,
          s.st_mtim.tv_sec * 1'000'000'000 + s.st_mtim.tv_nsec,
          s.st_ctim.tv_sec * 1'000'000'000 + s.st_ctim.tv_nsec,
          1};
}

/// Two edits within a tick of the file system's clock have one stamp: being named is enough.
bool ConfigWatch::is_new(const FolderWatch::Changes& changes) {
  const Stamp now = stamp_of(path_);
  const MonoMs at = SystemClock().mono_ms();
  if (now != last_) last_since_ = at;
  last_ = now;
  const bool named =
      std::find(changes.paths.begin(), changes.paths.end(), path_) != changes.paths.end();
  if (!named && (now == seen_ || at - last_since_ < quiet_.count())) return false;
  seen_ = now;
  return true;
}

void ConfigWatch::run(std::stop_token stop) {
  FolderWatch::Changes changes;  // the first look: the file may have changed since it was read
  while (!stop.stop_requested()) {
    const bool changed = is_new(changes);
    if (requested_.exchange(false))
      reloader_.reload("SIGHUP");
    else if (changed && reloader_.running().config.node.watch_config)
      reloader_.reload("file");
    changes = folders_.wait(last_ == seen_ ? kLook : quiet_, kSettle, stop);
  }
}

}  // namespace skep::app
