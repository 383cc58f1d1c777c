// The kinds of components this host knows, and the shape of their tables.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {

/// Every table is {uint32 size, uint32 second} and then function pointers in this order: those of
/// version 1.0, which every plugin has. What was added later may be absent.
struct Kind {
  std::string_view id;    ///< "skep.kind.task/1"
  std::string_view word;  ///< "task"
  std::span<const std::string_view> functions;
};

std::span<const Kind> kinds();
/// Null when the kind is unknown.
const Kind* find_kind(std::string_view id);

/// kInvalid naming what is missing: the table, its size, or the first function that is null.
Status check_table(const void* table, std::string_view what,
                   std::span<const std::string_view> functions);
/// The same of the table that a plugin's entry function returned.
Status check_plugin(const skep_plugin_v1* table);

}  // namespace skep::plugin
