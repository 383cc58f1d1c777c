// C++20 layer for spools. See skep/kind/spool.h for the contract.
#ifndef SKEP_SPOOL_HPP
#define SKEP_SPOOL_HPP

#include "skep/kind/spool.h"
#include "skep/plugin.hpp"

namespace skep {

class Spool : public Component {
 public:
  virtual void reserve(std::uint64_t bytes) = 0;
  virtual void unreserve(std::uint64_t bytes) noexcept = 0;
  virtual void put(std::span<const skep_spool_item> items, const skep_spool_items& names) = 0;
  virtual void ack(std::span<const skep_view> names) = 0;
  virtual void defer(std::span<const skep_view> names) = 0;
  virtual void reject(std::string_view name, std::string_view reason) = 0;
  virtual void next(std::uint32_t max, const skep_spool_items& items) = 0;
  virtual void stats(skep_spool_stats& out) = 0;
  virtual void verify(const skep_spool_items& problems) = 0;

  static constexpr const char* kKind = SKEP_KIND_SPOOL;
  template <class T>
  static const skep_spool_v1* table() {
    static const skep_spool_v1 t{
        sizeof(skep_spool_v1),
        0,
        [](skep_inst* i, std::uint64_t bytes, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).reserve(bytes); });
        },
        [](skep_inst* i, std::uint64_t bytes) noexcept { self(i).unreserve(bytes); },
        [](skep_inst* i, const skep_spool_item* items, std::uint32_t n,
           const skep_spool_items* names, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).put({items, n}, *names); });
        },
        [](skep_inst* i, const skep_view* names, std::uint32_t n, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).ack({names, n}); });
        },
        [](skep_inst* i, const skep_view* names, std::uint32_t n, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).defer({names, n}); });
        },
        [](skep_inst* i, skep_view name, skep_view reason, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).reject(text(name), text(reason)); });
        },
        [](skep_inst* i, std::uint32_t max, const skep_spool_items* items, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).next(max, *items); });
        },
        [](skep_inst* i, skep_spool_stats* out, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).stats(*out); });
        },
        [](skep_inst* i, const skep_spool_items* problems, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).verify(*problems); });
        }};
    return &t;
  }

 private:
  static Spool& self(skep_inst* i) { return *static_cast<Spool*>(to_component(i)); }
};

}  // namespace skep

#endif
