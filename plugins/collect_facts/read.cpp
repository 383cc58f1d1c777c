#include "read.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>

namespace skep::facts {
namespace {

/// When this is the same, so is the file.
struct Look {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  timespec changed{};
  bool operator==(const Look& o) const {
    return device == o.device && inode == o.inode && size == o.size &&
           changed.tv_sec == o.changed.tv_sec && changed.tv_nsec == o.changed.tv_nsec;
  }
};

struct Counted {
  Look look;
  std::int64_t count = 0;
};

struct Fd {
  explicit Fd(int n) : number(n) {}
  ~Fd() {
    if (number >= 0) close(number);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  const int number;
};

/// A fifo somebody put there must not hold us.
int open_to_read(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

std::int64_t count_text(int fd, std::string_view text) {
  constexpr std::size_t kBlock = 64 << 10;
  std::string block = "\n";
  std::int64_t n = 0;
  for (;;) {
    const std::size_t kept = block.size();
    block.resize(kept + kBlock);
    const ssize_t got = ::read(fd, block.data() + kept, kBlock);
    if (got < 0 && errno != EINTR) break;
    block.resize(kept + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    const char* at = block.data();
    const char* const end = at + block.size();
    while (const void* hit =
               memmem(at, static_cast<std::size_t>(end - at), text.data(), text.size())) {
      at = static_cast<const char*>(hit) + text.size();
      ++n;
    }
    if (got == 0) break;
    // The beginning of one that goes on in the next block.
    block.erase(0, block.size() - std::min(static_cast<std::size_t>(end - at), text.size() - 1));
  }
  return n;
}

}  // namespace

std::optional<std::int64_t> count_in_file(const std::string& path, std::string_view text) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, Counted> known;
  const Fd fd(open_to_read(path));
  struct stat now {};
  if (fd.number < 0 || fstat(fd.number, &now) != 0 || now.st_size == 0) return std::nullopt;
  const Look look{now.st_dev, now.st_ino, now.st_size, now.st_mtim};
  const std::lock_guard lock(mutex);
  Counted& counted = known[{path, std::string(text)}];
  if (!(counted.look == look)) counted = {look, count_text(fd.number, text)};
  return counted.count;
}

std::string slurp(const std::string& path) {
  constexpr std::size_t kMost = 64u << 20;
  std::string out;
  const Fd file(open_to_read(path));
  const int fd = file.number;
  if (fd < 0) return out;
  for (std::size_t chunk = 4 << 10; out.size() < kMost; chunk = 64 << 10) {
    const std::size_t had = out.size();
    out.resize(had + chunk);
    const ssize_t n = ::read(fd, out.data() + had, chunk);
    out.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  return out;
}

std::string line_of(const std::string& path) { return std::string(trim(slurp(path))); }

std::optional<std::int64_t> number_of(const std::string& path) {
  const std::string text = slurp(path);
  const auto all = words(text);
  return all.empty() ? std::nullopt : integer(all[0]);
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string link_target(const std::string& path) {
  char buffer[PATH_MAX];
  const ssize_t n = readlink(path.c_str(), buffer, sizeof(buffer));
  return n < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(n));
}

std::vector<std::string> names_in(const std::string& folder) {
  struct Closer {
    void operator()(DIR* d) const { closedir(d); }
  };
  std::vector<std::string> out;
  const std::unique_ptr<DIR, Closer> dir(opendir(folder.c_str()));
  if (!dir) return out;
  while (const dirent* entry = readdir(dir.get()))
    if (const std::string_view name = entry->d_name; name != "." && name != "..")
      out.emplace_back(name);
  std::sort(out.begin(), out.end());
  return out;
}

std::string_view trim(std::string_view s) {
  constexpr std::string_view kSpace{" \t\r\n\0", 5};
  const std::size_t first = s.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<std::string_view> words(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string_view> out;
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return out;
}

std::vector<std::string_view> fields(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::pair<std::string_view, std::string_view>> pairs(std::string_view text,
                                                                 char separator) {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  for (const std::string_view line : lines(text))
    if (const std::size_t at = line.find(separator); at != std::string_view::npos)
      out.emplace_back(trim(line.substr(0, at)), trim(line.substr(at + 1)));
  return out;
}

std::optional<std::int64_t> integer(std::string_view s, int base) {
  std::int64_t value = 0;
  const auto r = std::from_chars(s.data(), s.data() + s.size(), value, base);
  return r.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<double> real(std::string_view s) {
  double value = 0;
  const auto r = std::from_chars(s.data(), s.data() + s.size(), value);
  return r.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::string iso_time(std::int64_t unix_seconds) {
  const std::time_t t = unix_seconds;
  std::tm tm{};
  char buffer[32];
  if (gmtime_r(&t, &tm) == nullptr) return {};
  return {buffer, std::strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%SZ", &tm)};
}

void put(Json& to, const char* key, std::string_view text) {
  if (!text.empty()) to.set(key, text);
}
void put(Json& to, const char* key, std::optional<std::int64_t> value) {
  if (value) to.set(key, *value);
}
void put(Json& to, const char* key, std::optional<double> value) {
  if (value) to.set(key, *value);
}

}  // namespace skep::facts
