// mounts. A mount whose server is gone holds whoever asks it anything, for ever: only file systems
// known to answer from memory or from a local disk are asked in this process, all others by a child
// that can be left behind.
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "collectors.hpp"
#include "mountinfo.hpp"
#include "read.hpp"
#include "skep/plugin.hpp"

namespace skep::facts {
namespace {

constexpr std::string_view kLocal[] = {
    "bcachefs", "btrfs",    "devtmpfs", "erofs", "exfat", "ext2",  "ext3",
    "ext4",     "f2fs",     "iso9660",  "jfs",   "msdos", "ntfs3", "overlay",
    "ramfs",    "squashfs", "tmpfs",    "udf",   "vfat",  "xfs",   "zfs"};
/// They hold no data; autofs would mount something when asked.
constexpr std::string_view kPseudo[] = {
    "autofs",  "binder", "binfmt_misc", "bpf",        "cgroup",    "cgroup2", "configfs",
    "debugfs", "devpts", "efivarfs",    "fusectl",    "hugetlbfs", "mqueue",  "nsfs",
    "proc",    "pstore", "rpc_pipefs",  "securityfs", "selinuxfs", "sysfs",   "tracefs"};

template <class List>
bool is_in(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

struct Mount {
  std::string point, device, type, options;
  bool needs_child = false;
  enum class State { kUnknown, kOk, kTimeout, kError } state = State::kUnknown;
  std::string error{};
  std::int64_t total = 0, free = 0, available = 0, inodes = 0, inodes_free = 0;
};

bool is_beneath(const std::string& point, const std::string& other) {
  return !way_from(other, point).value_or(std::string_view()).empty();
}

std::vector<Mount> read_mounts() {
  std::vector<Mount> out;
  for (MountLine& line : read_mountinfo(slurp("/proc/self/mountinfo"))) {
    // What is mounted over another hides it.
    std::erase_if(out, [&](const Mount& old) { return old.point == line.point; });
    out.push_back({std::move(line.point), std::move(line.device), std::move(line.type),
                   std::move(line.options)});
  }
  return out;
}

/// The way to a local disk may lead through a remote one.
void mark_children(std::vector<Mount>& mounts) {
  for (Mount& m : mounts) m.needs_child = !is_in(kLocal, m.type) && !is_in(kPseudo, m.type);
  const std::vector<Mount> all = mounts;
  for (Mount& m : mounts)
    m.needs_child |= std::any_of(all.begin(), all.end(), [&](const Mount& other) {
      return other.needs_child && is_beneath(m.point, other.point);
    });
}

void ask_here(Mount& m) {
  struct statvfs s {};
  if (statvfs(m.point.c_str(), &s) != 0) {
    m.state = Mount::State::kError;
    m.error = std::strerror(errno);
    return;
  }
  const auto bytes = [&](fsblkcnt_t blocks) {
    return static_cast<std::int64_t>(blocks * s.f_frsize);
  };
  m.state = Mount::State::kOk;
  m.total = bytes(s.f_blocks);
  m.free = bytes(s.f_bfree);
  m.available = bytes(s.f_bavail);
  m.inodes = static_cast<std::int64_t>(s.f_files);
  m.inodes_free = static_cast<std::int64_t>(s.f_ffree);
}

void read_answer(Mount& m, std::string_view answer) {
  std::vector<std::int64_t> n;
  for (const std::string_view word : words(answer)) n.push_back(integer(word).value_or(0));
  if (n.size() != 6) {
    m.state = Mount::State::kError;
    m.error = "stat -f gave no numbers";
    return;
  }
  m.state = Mount::State::kOk;
  m.total = n[0] * n[1];
  m.free = n[0] * n[2];
  m.available = n[0] * n[3];
  m.inodes = n[4];
  m.inodes_free = n[5];
}

void ask_child(Mount& m, const Context& context) {
  try {
    const std::string argv[] = {"stat", "-f", "-c", "%S %b %f %a %c %d", "--", m.point};
    const Context::Answer answer = context.ask(argv);
    if (!answer.in_time) throw OutOfTime("the file system did not answer");
    if (answer.ok) return read_answer(m, answer.out);
    m.state = Mount::State::kError;
    m.error = "stat -f failed";
  } catch (const OutOfTime& e) {
    m.state = Mount::State::kTimeout;
    m.error = e.what();
  } catch (const std::exception& e) {
    m.state = Mount::State::kError;
    m.error = e.what();
  }
}

/// At once, so that one dead server does not use up the time of the others.
void ask_children(std::vector<Mount*>& mounts, const Context& context) {
  constexpr std::size_t kMostThreads = 32;
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min(kMostThreads, mounts.size()); ++i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < mounts.size(); at = next++)
        ask_child(*mounts[at], context);
    });
}

Json to_json(const Mount& m) {
  Json out;
  out.set("point", m.point);
  put(out, "device", m.device);
  out.set("type", m.type).set("options", m.options);
  if (m.state != Mount::State::kOk) {
    out.set("error", m.error);
    return out;
  }
  out.set("total_bytes", m.total).set("free_bytes", m.free).set("available_bytes", m.available);
  // What a user may still write counts, and a begun per cent is a whole one, as in df: the blocks
  // kept for root are neither used nor available.
  const std::int64_t used = m.total - m.free;
  const std::int64_t all = used + m.available;
  if (all > 0) out.set("used_percent", (used * 100 + all - 1) / all);
  out.set("inode_count", m.inodes).set("inode_free_count", m.inodes_free);
  return out;
}

}  // namespace

void collect_mounts(Json& out, const Context& context) {
  std::vector<Mount> mounts = read_mounts();
  mark_children(mounts);
  const auto pseudo = std::erase_if(mounts, [](const Mount& m) { return is_in(kPseudo, m.type); });
  std::vector<Mount*> far;
  for (Mount& m : mounts)
    if (m.needs_child)
      far.push_back(&m);
    else
      ask_here(m);
  ask_children(far, context);

  Json list = Json::array();
  std::string silent;
  for (const Mount& m : mounts) {
    list.push(to_json(m));
    if (m.state == Mount::State::kTimeout) silent += (silent.empty() ? "" : ", ") + m.point;
  }
  out.set("mount_count", static_cast<std::int64_t>(mounts.size()));
  out.set("pseudo_count", static_cast<std::int64_t>(pseudo));
  out.set("mounts", std::move(list));
  if (!silent.empty()) throw OutOfTime("no answer from " + silent);
}

}  // namespace skep::facts
