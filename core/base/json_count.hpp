// How much a JSON text would become, before anybody makes it.
#pragma once

#include <cstddef>
#include <string_view>

namespace skep {

/// How many values a document of this text would have: never less, and more only by its empty
/// containers. Counts no further than `enough` + 1. Any text will do. [any]
std::size_t count_json_values(std::string_view text, std::size_t enough);

}  // namespace skep
