// Commands in messages, as people copy them into a shell.
#pragma once

#include <string>
#include <string_view>

#include "core/cli/base/command.hpp"

namespace skep::cli {

/// As a shell takes it for one word. [any]
std::string shell_word(std::string_view word);

/// What of `args` says which node or control plane is meant, as it was typed: "--server URL -c
/// FILE --token-file FILE"; "" = nothing does. Variables still say it to the next command.
std::string place_of(const Args& args);

/// `text` with `place` in each "skep .." of it that asks a node or a control plane and names none.
/// Such a command ends with its line, at two spaces, or at a comma. [any]
std::string with_place(std::string_view text, std::string_view place);

}  // namespace skep::cli
