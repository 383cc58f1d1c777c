// The body of frames::Type::kStart, for both ends.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/plugin/isolation/child_group.hpp"

namespace skep::plugin {

std::string pack_start(const ChildPlugin& plugin);
/// What of it a child needs. kUnsupported when the host is of another build.
Result<ChildPlugin> unpack_start(std::string_view body);

}  // namespace skep::plugin
