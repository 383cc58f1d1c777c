#include "core/plugin/services/kv_space.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/base/file.hpp"
#include "core/base/utf8.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

// No key ends so, and with it "." and ".." are plain names.
constexpr std::string_view kSuffix = ".value";
constexpr std::string_view kTemp = "~";

bool is_word(std::string_view s, std::string_view more) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

Status check_key(std::string_view key) {
  if (key.size() <= kMaxKvKey && is_word(key, "._-")) return {};
  return invalid("kv key \"" + std::string(clip_utf8(key, kMaxKvKey)) +
                 "\": 1 to 128 bytes of [A-Za-z0-9._-] are allowed");
}

UniqueFd open_folder(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

void remove_leftovers(const fs::path& space) {
  const UniqueFd dir = open_folder(space.string());
  if (!dir || ::flock(dir.get(), LOCK_EX | LOCK_NB) != 0) return;
  std::vector<fs::path> left;
  std::error_code ec;  // best effort: the next start tries again
  for (fs::directory_iterator at(space, ec), end; !ec && at != end; at.increment(ec))
    if (at->path().filename().string().starts_with(kTemp)) left.push_back(at->path());
  for (const fs::path& path : left) fs::remove(path, ec);
}

}  // namespace

void remove_kv_leftovers(const std::string& state_dir) {
  std::error_code ec;  // no values yet
  for (fs::directory_iterator at(state_dir + "/kv", ec), end; !ec && at != end; at.increment(ec))
    remove_leftovers(at->path());
}

Result<KvSpace> KvSpace::open(const std::string& state_dir, std::string_view owner) {
  if (state_dir.empty())
    return Error{Code::kState, "this host keeps no values: it has no state_dir"};
  if (!is_word(owner, "._:-") || owner.front() == '.' || owner.size() > 2 * kMaxKvKey)
    return invalid("\"" + std::string(owner) + "\" cannot name a kv space");
  return KvSpace(state_dir + "/kv/" + std::string(owner));
}

std::string KvSpace::path_of(std::string_view key) const {
  return dir_ + "/" + std::string(key) + std::string(kSuffix);
}

Result<std::string> KvSpace::get(std::string_view key) const {
  SKEP_TRY(check_key(key));
  auto value = load_file(path_of(key), kMaxKvValue);
  if (value) return value;
  const Error& error = value.error();
  if (error.code == Code::kNotFound) return not_found("kv key", key);
  if (error.code == Code::kInvalid) return Error{Code::kCorrupt, error.message};
  return unavailable("kv key " + std::string(key) + ": " + error.message);
}

Result<UniqueFd> KvSpace::lock() const {
  std::error_code ec;
  const bool made = fs::create_directories(dir_, ec);
  if (ec) return unavailable("make the kv space " + dir_ + ": " + ec.message());
  if (made) {
    const std::string all = fs::path(dir_).parent_path().string();  // of this host's spaces
    SKEP_TRY(sync_folder(all));
    SKEP_TRY(sync_folder(fs::path(all).parent_path().string()));
  }
  UniqueFd dir = open_folder(dir_);
  if (!dir || ::flock(dir.get(), LOCK_EX) != 0)
    return errno_error("lock the kv space " + dir_, errno);
  return dir;
}

Status KvSpace::write(const std::string& path, std::string_view value) const {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                             S_IRUSR | S_IWUSR));
  if (!file) return errno_error("make " + path, errno);
  while (!value.empty()) {
    const auto n = ::write(file.get(), value.data(), value.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("write " + path, errno);
    value.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fdatasync(file.get()) != 0) return errno_error("sync " + path, errno);
  return {};
}

Status KvSpace::put(std::string_view key, std::string_view value) const {
  SKEP_TRY(check_key(key));
  if (value.size() > kMaxKvValue)
    return invalid("the value of kv key " + std::string(key) + " has " +
                   std::to_string(value.size()) + " bytes; at most 65536 are allowed");
  const auto dir = lock();
  if (!dir) return dir.error();
  const auto there = keys();
  if (!there) return there.error();
  if (there->size() >= kMaxKvKeys && !std::binary_search(there->begin(), there->end(), key))
    return Error{Code::kNoMemory, "the kv space " + dir_ + " has 1000 keys, which is all it may"};
  // One name, under the lock: what a crash left there goes with the next write.
  const std::string temp = dir_ + "/" + std::string(kTemp) + "put";
  ::unlink(temp.c_str());
  Status done = write(temp, value);
  if (done && ::rename(temp.c_str(), path_of(key).c_str()) != 0)
    done = errno_error("rename " + temp, errno);
  if (done) return sync_folder(dir_);
  ::unlink(temp.c_str());
  return done;
}

Status KvSpace::remove(std::string_view key) const {
  SKEP_TRY(check_key(key));
  if (::unlink(path_of(key).c_str()) == 0) return sync_folder(dir_);
  return errno == ENOENT ? Status() : errno_error("remove kv key " + std::string(key), errno);
}

Result<std::vector<std::string>> KvSpace::keys() const {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator it(dir_, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(kSuffix) && !name.starts_with(kTemp))
      out.push_back(name.substr(0, name.size() - kSuffix.size()));
  }
  if (ec && ec != std::errc::no_such_file_or_directory)
    return unavailable("read the kv space " + dir_ + ": " + ec.message());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace skep::plugin
