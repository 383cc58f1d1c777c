// Text of others on its way to a terminal, which would obey some of it.
#pragma once

#include <string>
#include <string_view>

namespace skep {

/// Makes visible what a terminal would obey: control characters, also those of U+0080 to U+009F
/// and bytes that are no UTF-8, as "\x1b", and what turns the direction of writing as "\u202e".
/// Line feeds and tabs stay; a carriage return ends the line, so that none is written over.
std::string visible(std::string_view text);
/// JSON text that no terminal obeys: what JSON lets through of the above becomes "\u009b".
std::string visible_json(std::string_view json);

}  // namespace skep
