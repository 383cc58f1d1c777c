// Reads the manifest out of a plugin file without loading it.
//
// The file is untrusted: every offset is checked against its size, and nothing is allocated by a
// number that the file brings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace skep::plugin {

inline constexpr std::uint64_t kMaxPluginBytes = 256u << 20;
inline constexpr std::uint64_t kMaxNoteBytes = 256u << 10;

enum class Machine {
  kHost,  ///< only files that this host can load
  kAny,   ///< also those for another machine
};

/// The manifest text of the one SKEP note in section .note.skep of the file open at `fd` (its
/// offset is neither used nor moved). kInvalid says what the file is instead. [any]
Result<std::string> read_manifest_note(int fd, Machine machine = Machine::kHost);
/// The same of a file that was read already.
Result<std::string> read_manifest_note(std::string_view bytes, Machine machine = Machine::kHost);

}  // namespace skep::plugin
