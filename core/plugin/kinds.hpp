// The kinds of components this host knows, and the shape of their tables.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.hpp"

namespace skep::plugin {

/// Every table is {uint32 size, uint32 second} and then function pointers in this order.
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
/// The functions of skep_plugin_v1.
std::span<const std::string_view> plugin_functions();

}  // namespace skep::plugin
