// What a child reads from and writes to.
#pragma once

#include <string_view>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace skep::proc {

/// errno_error(), but kNotHere for what this process or machine has run out of: descriptors,
/// memory, processes.
Error shortage_error(std::string_view doing, int error_number);

struct Pipe {
  UniqueFd ours;    ///< read end, does not block
  UniqueFd theirs;  ///< write end
};

Result<Pipe> make_pipe();
/// A descriptor that yields `bytes` and then the end: a sealed file in memory, so that no amount of
/// input can block us or raise SIGPIPE. /dev/null when empty.
Result<UniqueFd> make_stdin(std::string_view bytes);

}  // namespace skep::proc
