#include "core/supervise/state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "core/base/file.hpp"
#include "core/base/id.hpp"
#include "core/base/text.hpp"

namespace skep::supervise {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "up.json";
constexpr const char* kLock = "up.lock";
constexpr std::string_view kLockMark = "skep up holds this folder\n";
constexpr const char* kTomlMark = "# Written by skep up at each start; changes here are lost.\n";

/// What replace_file() leaves when it is cut off.
std::string temp_of(const std::string& name) { return "." + name + ".tmp"; }

/// Whether write_toml() wrote this file.
bool is_ours(const fs::path& toml) {
  std::error_code ec;  // what cannot be looked at is not ours
  if (!fs::is_regular_file(fs::symlink_status(toml, ec))) return false;
  const auto text = read_file(toml.string(), 64 << 10);
  return text && text->starts_with(kTomlMark) && is_name(toml.stem().string());
}

bool is_file(const std::string& path) {
  std::error_code ec;  // what cannot be looked at is not ours
  return fs::is_regular_file(fs::symlink_status(path, ec));
}

/// Whether lock() made this file: it has its mark, or nothing yet and nobody beside it.
bool is_our_lock(const std::string& path, const std::string& folder) {
  const auto text = is_file(path) ? read_file(path, 64 << 10) : std::nullopt;
  if (!text) return false;
  std::error_code ec;
  const auto count = std::distance(fs::directory_iterator(folder, ec), fs::directory_iterator());
  return text->empty() ? count == 1 : *text == kLockMark;
}

bool has_our_toml(const std::string& folder) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".toml" && is_ours(it->path())) return true;
  return false;
}

}  // namespace

std::string StateFolder::path(std::string_view name) const {
  return folder_ + "/" + std::string(name);
}

Status StateFolder::lock() {
  std::error_code ec;
  const bool fresh = !fs::exists(folder_, ec);
  fs::create_directories(folder_, ec);
  if (ec) return folder_error(folder_, ec.value());
  if (fresh) fs::permissions(folder_, fs::perms::owner_all, ec);
  UniqueFd fd(::open(path(kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return errno_error("open \"" + path(kLock) + "\"", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error("lock \"" + path(kLock) + "\"", errno);
    return already_running();
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) == 0 && st.st_size == 0 &&
      ::write(fd.get(), kLockMark.data(), kLockMark.size()) < 0)
    return errno_error("write \"" + path(kLock) + "\"", errno);
  lock_ = std::move(fd);
  return {};
}

Error StateFolder::already_running() const {
  const auto record = read();
  const bool known = record && *record && !(*record)->url.empty();
  return Error{Code::kState, "skep up is already running with state " + folder_}
      .named("already-running")
      .with_next((known ? "skep --server " + (*record)->url + " status\n" : "") +
                 "skep up --stop --state " + folder_ + "\nor another --state and --port");
}

Status StateFolder::check_made_by_up() const {
  std::error_code ec;
  if (!fs::exists(folder_, ec) || fs::is_empty(folder_, ec)) return {};
  const auto record = read();
  const bool theirs = !record || (!*record && fs::exists(fs::symlink_status(path(kRecord), ec)));
  if (!theirs && (*record || is_our_lock(path(kLock), folder_) || has_our_toml(folder_))) return {};
  return Error{
      Code::kState,
      "\"" + folder_ + "\" was not made by skep up and is not empty; nothing in it was touched"}
      .named("foreign-folder")
      .with_next("another --state, or empty the folder yourself");
}

Status StateFolder::wipe() {
  std::error_code ec;
  std::vector<std::string> names = {kRecord, temp_of(kRecord), "up.log", "last-task"};
  for (fs::directory_iterator it(folder_, ec), end; !ec && it != end; it.increment(ec)) {
    const fs::path file = it->path();
    if (file.extension() != ".toml" || !is_ours(file)) continue;
    const std::string node = file.stem().string();
    // The TOML file goes last: it is what says that the others are ours.
    for (const std::string& name : {node, node + ".log", temp_of(node + ".toml"), node + ".toml"})
      names.push_back(name);
  }
  if (ec) return errno_error("read folder \"" + folder_ + "\"", ec.value());
  for (const std::string& name : names) {
    fs::remove_all(path(name), ec);
    if (ec) return errno_error("remove \"" + path(name) + "\"", ec.value());
  }
  return {};
}

Status StateFolder::write(const Record& record) const {
  return replace_file(path(kRecord), record_text(record), 0644);
}

Result<std::optional<Record>> StateFolder::read() const {
  const auto text = is_file(path(kRecord)) ? read_file(path(kRecord)) : std::nullopt;
  if (!text) return std::optional<Record>();
  auto record = parse_record(*text);
  if (!record)
    return Error{Code::kCorrupt, "\"" + path(kRecord) + "\" is not what skep up wrote"}.with_next(
        "look for skep processes by hand, then remove the file");
  return record;
}

std::optional<Record> StateFolder::running() const {
  const auto record = read();
  if (!record || !*record) return std::nullopt;
  const auto alive = is_alive((*record)->supervisor);
  return alive && *alive ? *record : std::nullopt;
}

void StateFolder::forget(pid_t supervisor) const {
  const auto record = read();
  if (!record || !*record || (supervisor != 0 && (*record)->supervisor.pid != supervisor)) return;
  std::error_code ignored;  // a record that stays names processes that are gone; readers check
  fs::remove(path(kRecord), ignored);
}

Result<std::string> StateFolder::write_toml(const std::string& node,
                                            const std::string& text) const {
  const std::string file = path(node + ".toml");
  SKEP_TRY(replace_file(file, kTomlMark + text, 0644));
  return file;
}

}  // namespace skep::supervise
