#include "cgroup.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "mountinfo.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

/// Version 1 has no word for "none", but the largest number of whole pages.
constexpr std::int64_t kNoMemoryLimit = std::int64_t{1} << 62;

template <class T>
void tighten(std::optional<T>& limit, std::optional<T> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

/// One line of /proc/self/cgroup: 4:cpu,cpuacct:/path, or 0::/path of version 2.
struct Membership {
  std::string_view controllers, path;
  bool is_v2() const { return controllers.empty(); }
};

std::optional<Membership> membership(std::string_view line) {
  const std::size_t first = line.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = line.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Membership{line.substr(first + 1, second - first - 1), line.substr(second + 1)};
}

bool shows(const MountLine& mount, const Membership& of) {
  if (of.is_v2()) return mount.type == "cgroup2";
  const auto has = fields(mount.super_options, ',');
  const auto wanted = fields(of.controllers, ',');
  return mount.type == "cgroup" && std::all_of(wanted.begin(), wanted.end(), [&](auto controller) {
           return std::find(has.begin(), has.end(), controller) != has.end();
         });
}

/// The group's way from the root of the mount; in a container this root may be the group itself,
/// under a name that only the machine outside knows.
std::string_view below(const MountLine& mount, std::string_view path) {
  if (way_from("/..", path)) return {};
  return way_from(mount.root, path).value_or(std::string_view());
}

std::optional<double> quota(std::optional<std::int64_t> micros,
                            std::optional<std::int64_t> period) {
  if (!micros || !period || *micros <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*micros) / static_cast<double>(*period);
}

void read_limits(const std::string& folder, bool is_v2, CgroupLimits& out) {
  auto memory = number_of(folder + (is_v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  if (memory && *memory >= kNoMemoryLimit) memory.reset();
  tighten(out.memory_bytes, memory);
  if (!is_v2)
    return tighten(out.cpu_cores, quota(number_of(folder + "/cpu.cfs_quota_us"),
                                        number_of(folder + "/cpu.cfs_period_us")));
  const std::string max = slurp(folder + "/cpu.max");
  if (const auto w = words(max); w.size() == 2)
    tighten(out.cpu_cores, quota(integer(w[0]), integer(w[1])));
}

}  // namespace

CgroupLimits cgroup_limits(const std::string& root) {
  CgroupLimits out;
  const auto mounts = read_mountinfo(slurp(root + "/proc/self/mountinfo"));
  const std::string groups = slurp(root + "/proc/self/cgroup");
  for (const std::string_view line : lines(groups)) {
    const auto group = membership(line);
    if (!group) continue;
    for (const MountLine& mount : mounts) {
      if (!shows(mount, *group)) continue;
      const std::string top = root + mount.point;
      std::string folder = top + std::string(below(mount, group->path));
      for (;; folder.resize(folder.rfind('/'))) {
        read_limits(folder, group->is_v2(), out);
        if (folder.size() <= top.size()) break;
      }
    }
  }
  return out;
}

}  // namespace skep::facts
