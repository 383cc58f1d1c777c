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

namespace skep::supervise {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "up.json";
constexpr const char* kLock = "up.lock";
constexpr std::string_view kLockMark = "skep up holds this folder\n";
constexpr std::size_t kMostText = 64 << 10;
constexpr std::size_t kMostRecord = 16 << 20;
constexpr const char* kTomlMark = "# Written by skep up at each start; changes here are lost.\n";

/// What replace_file() leaves when it is cut off.
std::string temp_of(const std::string& name) { return "." + name + ".tmp"; }

/// What a file of ours may hold: nothing when there is none, or it is no regular one or too large.
Result<std::optional<std::string>> text_of(const std::string& path, std::size_t cap) {
  std::error_code ec;  // what cannot be looked at is read, which tells why
  const fs::file_status status = fs::symlink_status(path, ec);
  if (fs::exists(status) && !fs::is_regular_file(status)) return std::optional<std::string>();
  auto text = load_file(path, cap);
  if (text) return std::optional(std::move(*text));
  const Code code = text.error().code;
  if (code == Code::kNotFound || code == Code::kInvalid) return std::optional<std::string>();
  return text.error();
}

Result<std::vector<fs::path>> files_in(const std::string& folder) {
  std::error_code ec;
  std::vector<fs::path> out;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    out.push_back(it->path());
  if (ec) return errno_error("read folder \"" + folder + "\"", ec.value());
  return out;
}

/// Of `files`, those that write_toml() wrote.
Result<std::vector<fs::path>> our_tomls(const std::vector<fs::path>& files) {
  std::vector<fs::path> out;
  for (const fs::path& file : files) {
    if (file.extension() != ".toml" || !is_name(file.stem().string())) continue;
    const auto text = text_of(file.string(), kMostText);
    if (!text) return text.error();
    if (*text && (*text)->starts_with(kTomlMark)) out.push_back(file);
  }
  return out;
}

/// Whether the control plane that this supervisor started runs; true when that cannot be told.
bool has_control(const Record& record) {
  for (const auto& [name, process] : record.nodes)
    if (name == kControl) {
      const auto alive = is_alive(process);
      return !alive || *alive;
    }
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
  const auto up = running();
  const bool ended = up && up->ready && !has_control(*up);
  const std::string stop = "skep up --stop --state " + folder_;
  const std::string next =
      ended ? stop + " && skep up -d --state " + folder_ + "   or   skep start -c " +
                  path(std::string(kControl) + ".toml")
            : (up && !up->url.empty() ? "skep --server " + up->url + " status\n" : "") + stop;
  return Error{Code::kState, "skep up is already running with state " + folder_ +
                                 (ended ? ", but its control plane has ended" : "")}
      .named("already-running")
      .with_next(next + "\nor another --state and --port");
}

Status StateFolder::check_made_by_up() const {
  std::error_code ec;
  if (!fs::exists(folder_, ec)) return {};  // or lock() tells why it cannot be looked at
  const auto files = files_in(folder_);
  if (!files) return files.error();
  const auto record = read();
  if (!record && record.error().code != Code::kCorrupt) return record.error();
  const auto lock = text_of(path(kLock), kMostText);
  if (!lock) return lock.error();
  const bool theirs = !record || (!*record && fs::exists(fs::symlink_status(path(kRecord), ec)));
  // A lock without its mark: its maker was cut off, when nobody is beside it.
  const bool locked = *lock && ((*lock)->empty() ? files->size() == 1 : **lock == kLockMark);
  if (files->empty() || (!theirs && (*record || locked))) return {};
  const auto tomls = our_tomls(*files);
  if (!tomls) return tomls.error();
  if (!theirs && !tomls->empty()) return {};
  return Error{
      Code::kState,
      "\"" + folder_ + "\" was not made by skep up and is not empty; nothing in it was touched"}
      .named("foreign-folder")
      .with_next("another --state, or empty the folder yourself");
}

Status StateFolder::wipe() {
  const auto files = files_in(folder_);
  if (!files) return files.error();
  const auto tomls = our_tomls(*files);
  if (!tomls) return tomls.error();
  std::vector<std::string> names = {kRecord, temp_of(kRecord), "up.log", "last-task"};
  for (const fs::path& file : *tomls) {
    const std::string node = file.stem().string();
    // The TOML file goes last: it is what says that the others are ours.
    for (const std::string& name : {node, node + ".log", temp_of(node + ".toml"), node + ".toml"})
      names.push_back(name);
  }
  for (const std::string& name : names) {
    std::error_code ec;
    fs::remove_all(path(name), ec);
    if (ec) return errno_error("remove \"" + path(name) + "\"", ec.value());
  }
  return {};
}

Status StateFolder::write(const Record& record) const {
  return replace_file(path(kRecord), record_text(record), 0644);
}

Result<std::optional<Record>> StateFolder::read() const {
  const auto text = text_of(path(kRecord), kMostRecord);
  if (!text) return text.error();
  if (!*text) return std::optional<Record>();
  auto record = parse_record(**text);
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
