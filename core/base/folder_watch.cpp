#include "core/base/folder_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

namespace skep {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                  IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;
/// A folder that is not there is looked for as often.
constexpr Millis kMissing{500};

void add(std::vector<std::string>& paths, std::string path) {
  if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(std::move(path));
}

/// A file that is made is still to be written; a link is all there.
bool is_whole(const std::string& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 && (S_ISLNK(s.st_mode) || s.st_nlink > 1);
}

}  // namespace

FolderWatch::FolderWatch(std::vector<std::string> folders)
    : folders_(std::move(folders)),
      inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      wakeup_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Changes at_start;  // what is there already is no change
  watch_missing(at_start);
}

void FolderWatch::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof(one));
}

void FolderWatch::watch_missing(Changes& changes) {
  for (const std::string& folder : folders_) {
    if (watched_.contains(folder)) continue;
    const int wd = inotify_add_watch(inotify_.get(), folder.c_str(), kEvents | IN_ONLYDIR);
    if (wd < 0) continue;
    watched_[folder] = wd;
    changes.overflow = true;  // it may have come with files in it
  }
}

void FolderWatch::read_events(Changes& changes) {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (;;) {
    const auto n = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (n <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
      inotify_event event{};
      std::memcpy(&event, &buffer[at], sizeof(event));
      const char* name = &buffer[at + sizeof(event)];
      at += sizeof(event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) changes.overflow = true;
      const bool ended = (event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
      if (ended) inotify_rm_watch(inotify_.get(), event.wd);
      const bool access = (event.mask & IN_ATTRIB) != 0;
      for (auto folder = watched_.begin(); folder != watched_.end();) {
        const bool meant = folder->second == event.wd;
        if (meant && access) changes.access = true;
        const bool made = (event.mask & IN_CREATE) != 0;
        if (meant && !ended && !access && event.len > 0)
          if (std::string path = folder->first + "/" + name; !made || is_whole(path))
            add(changes.paths, std::move(path));
        if (meant && ended) changes.overflow = true;
        folder = meant && ended ? watched_.erase(folder) : std::next(folder);
      }
    }
  }
}

/// False after `timeout` and when woken.
bool FolderWatch::readable(Millis timeout) {
  std::array<pollfd, 2> fds{{{inotify_.get(), POLLIN, 0}, {wakeup_.get(), POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), static_cast<int>(timeout.count())) <= 0) return false;
  return (fds[0].revents & POLLIN) != 0;
}

FolderWatch::Changes FolderWatch::wait(Millis timeout, Millis settle, std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  const auto until = std::chrono::steady_clock::now() + timeout;
  Changes changes;
  for (;;) {
    watch_missing(changes);
    if (changes.any() || stop.stop_requested()) break;
    const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return changes;
    const bool all_watched = std::all_of(folders_.begin(), folders_.end(),
                                         [this](const auto& f) { return watched_.contains(f); });
    if (readable(all_watched ? left : std::min(left, kMissing))) {
      read_events(changes);
      continue;
    }
    std::uint64_t woken = 0;
    if (::read(wakeup_.get(), &woken, sizeof(woken)) == sizeof(woken)) return changes;
  }
  while (!stop.stop_requested() && settle.count() > 0 && readable(settle)) read_events(changes);
  return changes;
}

}  // namespace skep
