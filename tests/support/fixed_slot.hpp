// A slot whose route has one target for good, for adapters over components that are compiled in.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/plugin/adapters/slot.hpp"

namespace skep::test {

inline std::shared_ptr<plugin::SlotRoute> fixed_slot(const void* table, skep_inst* inst,
                                                     std::function<void()> closed) {
  auto generation = std::make_shared<plugin::Generation>("compiled-in", plugin::GenerationInfo{});
  auto route =
      std::make_shared<plugin::Route>(plugin::Route::Target{std::move(generation), table, inst});
  return std::make_shared<plugin::SlotRoute>(std::move(route), std::move(closed));
}

}  // namespace skep::test
