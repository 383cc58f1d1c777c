// The contract of skep/kind/spool.h on the fake and on the spool that we ship.
#include "core/base/json.hpp"
#include "tests/conformance/kind_cases.hpp"
#include "tests/conformance/spool_component.hpp"
#include "tests/support/memory_spool.hpp"

namespace skep::test {
namespace {

using SpoolSource = conformance::Source<ports::Spool>;

std::int64_t most_bytes(const json::object& settings) {
  const json::value* given = settings.if_contains("max_bytes");
  return given != nullptr ? given->to_number<std::int64_t>() : FileSpoolLimits{}.max_bytes;
}

bool has_max_bytes(std::string_view setting) { return setting == "max_bytes"; }

SpoolSource memory() {
  SpoolSource out;
  out.name = "memory";
  out.durable = false;
  out.has = has_max_bytes;
  out.open = [](const std::string&, const json::object& settings) {
    return Result<std::unique_ptr<ports::Spool>>(std::make_unique<MemorySpool>(
        MemorySpoolLimits{most_bytes(settings), FileSpoolLimits{}.max_items}));
  };
  return out;
}

SpoolSource file() {
  SpoolSource out;
  out.name = "file";
  out.has = has_max_bytes;
  out.open = [](const std::string& folder, const json::object& settings) {
    FileSpoolLimits limits;
    limits.max_bytes = most_bytes(settings);
    return open_file_spool(folder + "/spool", limits);
  };
  return out;
}

[[maybe_unused]] const bool registered =
    register_cases("SpoolContract", conformance::spool_cases(), {memory(), file()});

}  // namespace
}  // namespace skep::test
