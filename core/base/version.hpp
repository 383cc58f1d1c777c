// The version of this build.
#pragma once

namespace skep {
inline constexpr const char* kVersion = "0.1.0";
}
