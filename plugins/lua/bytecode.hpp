// The compiled form of a chunk as lua_dump() writes it: Lua 5.4, format 0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skep::lua {

struct Local {
  std::string name;
  std::uint64_t from = 0;  ///< instructions in which it lives
  std::uint64_t to = 0;
};

struct Proto {
  std::vector<std::uint32_t> code;
  std::vector<int> lines;              ///< of each instruction
  std::vector<std::string> constants;  ///< texts; others are ""
  std::vector<std::string> upvalues;   ///< names
  std::vector<Local> locals;
  std::vector<Proto> inner;

  /// The register's local variable at instruction `pc`, or "".
  std::string_view local_at(std::size_t reg, std::size_t pc) const;
};

/// Throws std::runtime_error when the bytes are not what this version of Lua writes.
Proto read_bytecode(std::string_view bytes);

}  // namespace skep::lua
