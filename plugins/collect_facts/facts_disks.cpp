// disks
#include <algorithm>

#include "collectors.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

/// "[mq-deadline] none": the word in brackets.
std::string_view chosen(std::string_view text) {
  const std::size_t from = text.find('[');
  const std::size_t to = text.find(']');
  return from == std::string_view::npos || to == std::string_view::npos || to < from
             ? text
             : text.substr(from + 1, to - from - 1);
}

Json disk(const std::string& name) {
  constexpr std::int64_t kSector = 512;  // sysfs counts in these, whatever the disk does
  const std::string folder = "/sys/block/" + name;
  Json out;
  out.set("name", name).set("size_bytes", number_of(folder + "/size").value_or(0) * kSector);
  out.set("rotational", number_of(folder + "/queue/rotational") == 1);
  out.set("removable", number_of(folder + "/removable") == 1);
  out.set("read_only", number_of(folder + "/ro") == 1);
  put(out, "model", line_of(folder + "/device/model"));
  put(out, "vendor", line_of(folder + "/device/vendor"));
  put(out, "serial", line_of(folder + "/device/serial"));
  put(out, "logical_block_bytes", number_of(folder + "/queue/logical_block_size"));
  const std::string scheduler = line_of(folder + "/queue/scheduler");
  put(out, "scheduler", chosen(scheduler));
  const auto inside = names_in(folder);
  out.set("partition_count",
          std::int64_t{std::count_if(inside.begin(), inside.end(), [&](const std::string& entry) {
            return entry.starts_with(name) && exists(folder + "/" + entry + "/partition");
          })});
  return out;
}

}  // namespace

void collect_disks(Json& out, const Context& context) {
  Json devices = Json::array();
  std::int64_t total = 0;
  for (const std::string& name : names_in("/sys/block")) {
    context.check();
    if (name.starts_with("loop") || name.starts_with("ram")) continue;
    Json device = disk(name);
    const std::int64_t size = device["size_bytes"].integer();
    if (size == 0) continue;  // an empty drive
    total += size;
    devices.push(std::move(device));
  }
  out.set("device_count", static_cast<std::int64_t>(devices.items().size()));
  out.set("total_bytes", total).set("devices", std::move(devices));
}

}  // namespace skep::facts
