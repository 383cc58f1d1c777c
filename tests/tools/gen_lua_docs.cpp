// Writes what is made from the table of the script API: `gen_lua_docs --write`.
// Without arguments it says which of the files differ from what it would write, and fails.
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "api.hpp"
#include "core/base/text.hpp"

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (argc > 2 || (!mode.empty() && mode != "--write")) {
    std::cerr << "usage: gen_lua_docs [--write]\n";
    return 2;
  }
  const std::string root = SKEP_SOURCE_DIR "/";
  bool good = true;
  for (const auto& [name, text] : {std::pair{"sdk/lua/skep.lua", skep::lua::stubs()},
                                   {"docs/reference/lua.md", skep::lua::reference()},
                                   {"docs/permissions.md", skep::lua::permissions_reference()}}) {
    if (mode == "--write") {
      std::ofstream out(root + name, std::ios::binary);
      out << text << std::flush;
      good = good && static_cast<bool>(out);
    } else if (skep::read_file(root + name) != text) {
      std::cerr << "gen_lua_docs: " << name << " is out of date; run: gen_lua_docs --write\n";
      good = false;
    }
  }
  return good ? 0 : 1;
}
