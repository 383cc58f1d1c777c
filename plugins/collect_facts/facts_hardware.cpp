// cpu, memory
#include <sys/utsname.h>

#include <algorithm>
#include <set>
#include <utility>

#include "cgroup.hpp"
#include "collectors.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

const std::string kCpuFolder = "/sys/devices/system/cpu/";

/// What people ask for: crypto, vectors, virtualisation. The full list has two hundred words.
constexpr std::string_view kFlags[] = {"aes",   "avx",    "avx2",   "avx512f", "fma", "hypervisor",
                                       "lm",    "rdrand", "sha_ni", "sse4_2",  "svm", "vmx",
                                       "asimd", "sha2",   "sve",    "crc32"};

/// "32K", "8M" as bytes.
std::optional<std::int64_t> size_in_bytes(std::string_view text) {
  const auto number = integer(text);
  if (!number || text.empty()) return number;
  const char unit = text.back();
  return *number * (unit == 'K' ? 1 << 10 : unit == 'M' ? 1 << 20 : unit == 'G' ? 1 << 30 : 1);
}

void put_caches(Json& out) {
  const std::string folder = kCpuFolder + "cpu0/cache/";
  Json caches;
  for (const std::string& name : names_in(folder)) {
    if (!name.starts_with("index")) continue;
    const std::string type = line_of(folder + name + "/type");
    const auto size = size_in_bytes(line_of(folder + name + "/size"));
    const std::string key = "l" + line_of(folder + name + "/level") +
                            (type == "Data"          ? "_data"
                             : type == "Instruction" ? "_code"
                                                     : "");
    put(caches, (key + "_bytes").c_str(), size);
  }
  if (!caches.is_null()) out.set("cache", std::move(caches));
}

std::int64_t count_nodes(const std::string& folder, std::string_view prefix) {
  const auto names = names_in(folder);
  return std::count_if(names.begin(), names.end(), [&](const std::string& name) {
    return name.starts_with(prefix) && name.size() > prefix.size() &&
           name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
  });
}

struct CpuInfo {
  std::string text = slurp("/proc/cpuinfo");
  std::string_view model, vendor, flags, microcode;
  std::int64_t logical = 0;
  double mhz = 0;
  std::set<std::string_view> sockets;
  std::set<std::pair<std::string_view, std::string_view>> cores;

  CpuInfo() {
    std::string_view socket;
    for (const auto& [key, value] : pairs(text, ':')) {
      if (key == "processor") ++logical;
      if (key == "model name" || key == "cpu" || key == "Model") model = value;
      if (key == "vendor_id" || key == "CPU implementer") vendor = value;
      if (key == "flags" || key == "Features") flags = value;
      if (key == "microcode") microcode = value;
      if (key == "cpu MHz") mhz = std::max(mhz, real(value).value_or(0));
      if (key == "physical id") sockets.insert(socket = value);
      if (key == "core id") cores.emplace(socket, value);
    }
  }
};

Json known_flags(std::string_view all) {
  Json out = Json::array();
  for (const std::string_view word : words(all))
    if (std::find(std::begin(kFlags), std::end(kFlags), word) != std::end(kFlags)) out.push(word);
  return out;
}

}  // namespace

void collect_cpu(Json& out, const Context&) {
  const CpuInfo info;
  put(out, "model", info.model);
  put(out, "vendor", info.vendor);
  put(out, "microcode", info.microcode);
  out.set("logical_count", info.logical);
  if (!info.cores.empty()) out.set("core_count", static_cast<std::int64_t>(info.cores.size()));
  if (!info.sockets.empty())
    out.set("socket_count", static_cast<std::int64_t>(info.sockets.size()));
  put(out, "online", line_of(kCpuFolder + "online"));
  put(out, "limit_cores", cgroup_limits().cpu_cores);
  if (info.mhz > 0) out.set("current_mhz", static_cast<std::int64_t>(info.mhz));
  const auto khz = number_of(kCpuFolder + "cpu0/cpufreq/cpuinfo_max_freq");
  if (khz) out.set("max_mhz", *khz / 1000);
  put(out, "governor", line_of(kCpuFolder + "cpu0/cpufreq/scaling_governor"));
  if (const auto nodes = count_nodes("/sys/devices/system/node", "node"); nodes > 0)
    out.set("numa_node_count", nodes);
  put_caches(out);
  out.set("flags", known_flags(info.flags));
}

void collect_memory(Json& out, const Context&) {
  constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"MemTotal", "total_bytes"},
      {"MemFree", "free_bytes"},
      {"MemAvailable", "available_bytes"},
      {"Buffers", "buffers_bytes"},
      {"Cached", "cached_bytes"},
      {"Shmem", "shared_bytes"},
      {"Slab", "slab_bytes"},
      {"Dirty", "dirty_bytes"},
      {"Committed_AS", "committed_bytes"},
      {"SwapTotal", "swap_total_bytes"},
      {"SwapFree", "swap_free_bytes"},
      {"HugePages_Total", "hugepages_total_count"},
      {"HugePages_Free", "hugepages_free_count"},
      {"Hugepagesize", "hugepage_size_bytes"}};
  const std::string text = slurp("/proc/meminfo");
  const auto all = pairs(text, ':');
  for (const auto& [key, name] : kNames)
    for (const auto& [k, v] : all)
      if (k == key)
        if (const auto n = integer(v)) out.set(name, v.ends_with("kB") ? *n * 1024 : *n);
  out.set("used_bytes", out["total_bytes"].integer() - out["available_bytes"].integer());
  put(out, "limit_bytes", cgroup_limits().memory_bytes);
}

}  // namespace skep::facts
