// The rule of growth: what was released is a prefix of what is now.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skep::test {

/// Of C headers, without comments and with white space evened out: the body of each struct by its
/// name, the value of each macro, each one-line typedef.
using Declarations = std::map<std::string, std::string>;
Declarations declarations_of(const std::string& header_text);

/// What of `released` is missing in `current`, or is not the beginning of it.
std::vector<std::string> broken_promises(const Declarations& released, const Declarations& current);

/// The same for layouts as the program of sdk/abi/make_layout.sh prints them.
std::vector<std::string> broken_layouts(std::string_view released_json,
                                        std::string_view current_json);

}  // namespace skep::test
