#include "core/plugin/stage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/base/file.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/sha256.hpp"
#include "core/plugin/elf_note.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRunPrefix = "run-";
const std::string kSignature = ".minisig";
constexpr std::size_t kMaxSignature = 16u << 10;  ///< a judge takes less

Status write_all(int fd, const char* bytes, std::size_t n) {
  while (n > 0) {
    const auto wrote = ::write(fd, bytes, n);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_error("write", errno);
    bytes += wrote;
    n -= static_cast<std::size_t>(wrote);
  }
  return Status();
}

/// Reads `from` to its end, hashes it, and copies it to `to` unless that is -1.
Result<std::string> digest(int from, int to) {
  Sha256 sha;
  std::vector<char> chunk(256u << 10);
  std::uint64_t total = 0;
  for (;;) {
    const auto n = ::read(from, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("read", errno);
    if (n == 0) return sha.hex();
    const auto size = static_cast<std::size_t>(n);
    total += size;
    if (total > kMaxPluginBytes) return invalid("has more than 256 MiB");
    sha.update({chunk.data(), size});
    if (to >= 0) SKEP_TRY(write_all(to, chunk.data(), size));
  }
}

Result<UniqueFd> open_plugin(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ELOOP)
    return Error{Code::kDenied, "is a symbolic link; plugins are loaded from regular files only",
                 "bad-plugin", "copy the file into the plugin folder"};
  if (!fd) return errno_error("open", errno);
  return fd;
}

/// kDenied when it is a stranger's or everybody may change it; a text when its group may.
Result<std::string> check_owner(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return errno_error("stat", errno);
  if (!S_ISREG(st.st_mode)) return invalid("not a regular file");
  if ((st.st_mode & S_IWOTH) != 0)
    return Error{Code::kDenied, "everybody may write it, so anybody could run code in this host",
                 "bad-plugin", "chmod o-w the file"};
  if (st.st_uid != 0 && st.st_uid != ::geteuid())
    return Error{Code::kDenied,
                 "owned by uid " + std::to_string(st.st_uid) +
                     ", neither root nor us, so somebody else could run code in this host",
                 "bad-plugin", "chown " + std::to_string(::geteuid()) + " the file"};
  if ((st.st_mode & S_IWGRP) != 0) return std::string("its group may write it");
  return std::string();
}

/// Removes the folders of runs whose lock nobody holds.
void remove_old_runs(const fs::path& staging_dir) {
  std::error_code ec;
  for (fs::directory_iterator at(staging_dir, ec), end; !ec && at != end; at.increment(ec)) {
    const fs::directory_entry entry = *at;
    if (!entry.path().filename().string().starts_with(kRunPrefix)) continue;
    const UniqueFd dir(
        ::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!dir || ::flock(dir.get(), LOCK_EX | LOCK_NB) != 0) continue;
    std::error_code failed;
    fs::remove_all(entry.path(), failed);
    if (failed)
      log::warn("plugin_staging_leftover",
                {{"path", entry.path().string()}, {"error", failed.message()}});
  }
  if (ec) log::warn("plugin_staging_unreadable", {{"error", ec.message()}});
}

/// Only for this user.
Status make_private(const std::string& dir) {
  std::error_code ec;
  fs::create_directories(fs::path(dir).parent_path(), ec);
  if (!ec && ::mkdir(dir.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    ec.assign(errno, std::generic_category());
  if (ec) return errno_error("make the plugin staging folder " + dir, ec.value());
  return {};
}

UniqueFd make_temp(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         S_IRUSR | S_IXUSR));
}

}  // namespace

Result<Inspected> inspect(const std::string& path) {
  auto fd = open_plugin(path);
  if (!fd) return fd.error();
  Inspected out;
  auto warning = check_owner(fd->get());
  if (!warning) return warning.error();
  out.warning = std::move(*warning);
  auto manifest = read_manifest_note(fd->get());
  if (!manifest) return manifest.error();
  out.manifest = std::move(*manifest);
  auto sha = digest(fd->get(), -1);
  if (!sha) return sha.error();
  out.sha256 = std::move(*sha);
  return out;
}

Result<StagingArea> StagingArea::open(const std::string& staging_dir) {
  std::error_code ec;
  fs::create_directories(staging_dir, ec);
  if (ec)
    return Error{Code::kConfig,
                 "cannot make the plugin staging folder " + staging_dir + ": " + ec.message(),
                 "staging-failed", "make [node] state_dir writable for this user"};
  // Held while we clean and lock, so that nobody takes our new folder for one of an ended run.
  const UniqueFd area(::open(staging_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!area || ::flock(area.get(), LOCK_EX) != 0)
    return errno_error("lock the plugin staging folder " + staging_dir, errno)
        .named("staging-failed");
  remove_old_runs(staging_dir);
  const std::string dir = fs::absolute(staging_dir, ec).lexically_normal().string() + "/" +
                          std::string(kRunPrefix) + std::to_string(::getpid()) + "-" +
                          random_hex(4);
  if (::mkdir(dir.c_str(), S_IRWXU) != 0)
    return errno_error("make the plugin staging folder " + dir, errno)
        .named("staging-failed")
        .with_next("make [node] state_dir writable for this user");
  UniqueFd lock(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return errno_error("lock the plugin staging folder " + dir, errno).named("staging-failed");
  return StagingArea(dir, std::move(lock));
}

StagingArea::~StagingArea() {
  if (!lock_) return;
  std::error_code ec;
  fs::remove_all(dir_, ec);
  if (ec) log::warn("plugin_staging_leftover", {{"path", dir_}, {"error", ec.message()}});
}

Result<Staged> StagingArea::stage(const std::string& source, std::string_view id,
                                  std::uint64_t number) const {
  auto from = open_plugin(source);
  if (!from) return from.error().within(source);
  const std::string temp = dir_ + "/." + std::string(id) + "." + random_hex(4);
  SKEP_TRY(make_private(dir_));
  const UniqueFd to = make_temp(temp);
  if (!to) return errno_error("stage " + source + " as " + temp, errno).named("staging-failed");
  auto sha = digest(from->get(), to.get());
  Staged staged{dir_ + "/" + std::string(id) + "." + std::to_string(number) + "." +
                    (sha ? sha->substr(0, 12) : "") + ".so",
                sha ? *sha : ""};
  if (sha && ::rename(temp.c_str(), staged.path.c_str()) == 0) return staged;
  const Error failed = sha ? errno_error("rename", errno) : sha.error();
  ::unlink(temp.c_str());  // best effort: the folder goes with the run
  return failed.within("stage " + source);
}

KeptCopy::KeptCopy(Staged staged)
    : staged_(std::move(staged)),
      bytes_(::open(staged_.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}

Status KeptCopy::put_back() const {
  struct stat st {};
  if (!bytes_ || ::lstat(staged_.path.c_str(), &st) == 0 || errno != ENOENT) return {};
  const auto failed = [&](Error error) {
    error = error.within("put back the staged copy " + staged_.path).named("staging-failed");
    error.code = Code::kNotHere;
    return std::move(error).with_next("make [node] state_dir writable for this user");
  };
  const fs::path path(staged_.path);
  if (const Status made = make_private(path.parent_path().string()); !made)
    return failed(made.error());
  // A position of its own: children start side by side.
  const UniqueFd from(
      ::open(("/proc/self/fd/" + std::to_string(bytes_.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) return failed(errno_error("open its bytes", errno));
  const std::string temp = path.parent_path().string() + "/." + random_hex(8);
  const UniqueFd to = make_temp(temp);
  if (!to) return failed(errno_error("make " + temp, errno));
  const auto sha = digest(from.get(), to.get());
  Status done = sha ? Status() : sha.error();
  if (sha && *sha != staged_.sha256) done = changed_after_check(staged_, *sha);
  if (done && ::rename(temp.c_str(), staged_.path.c_str()) != 0)
    done = errno_error("rename", errno);
  if (!done) {
    ::unlink(temp.c_str());
    return failed(done.error());
  }
  log::warn("plugin_copy_put_back",
            {{"path", staged_.path}, {"reason", "somebody removed it while children need it"}});
  return {};
}

std::string signature_of(const std::string& file) { return file + kSignature; }

Status keep_signature(const std::string& file, const Staged& copy) {
  if (file == copy.path) return {};
  const std::string kept = signature_of(copy.path);
  ::unlink(kept.c_str());  // of earlier bytes at this place
  const auto from = open_plugin(signature_of(file));
  struct stat st {};
  if (!from || ::fstat(from->get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  std::string text(kMaxSignature, '\0');
  const auto n = ::read(from->get(), text.data(), text.size());
  if (n < 0) return errno_error("read " + signature_of(file), errno);
  text.resize(static_cast<std::size_t>(n));
  return replace_file(kept, text, S_IRUSR | S_IWUSR);
}

void remove_staged(const Staged& copy) {
  ::unlink(copy.path.c_str());  // best effort: the folder goes with the run
  ::unlink(signature_of(copy.path).c_str());
}

Status verify_staged(const Staged& staged) {
  auto fd = open_plugin(staged.path);
  if (!fd) return fd.error().within(staged.path);
  const auto sha = digest(fd->get(), -1);
  if (!sha) return sha.error().within(staged.path);
  if (*sha == staged.sha256) return Status();
  return changed_after_check(staged, *sha);
}

Error changed_after_check(const Staged& staged, const std::string& sha256) {
  return Error{Code::kDenied,
               "the staged copy " + staged.path + " was changed after it was checked (sha256 " +
                   staged.sha256.substr(0, 12) + ", now " + sha256.substr(0, 12) + ")",
               std::string(kChangedAfterCheck),
               "find out who writes into the state folder, then start again"};
}

}  // namespace skep::plugin
