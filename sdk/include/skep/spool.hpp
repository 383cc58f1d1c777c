// C++20 layer for spools. See skep/kind/spool.h for the contract.
#ifndef SKEP_SPOOL_HPP
#define SKEP_SPOOL_HPP

#include "skep/kind/spool.h"
#include "skep/plugin.hpp"

namespace skep {

class Spool : public Component {
 public:
  virtual void reserve(Call& call, std::uint64_t bytes) = 0;
  virtual void unreserve(Call& call, std::uint64_t bytes) noexcept = 0;
  virtual void put(Call& call, Array<skep_spool_item> items, const skep_spool_items& names) = 0;
  virtual void ack(Call& call, std::span<const skep_view> names) = 0;
  virtual void defer(Call& call, std::span<const skep_view> names) = 0;
  virtual void reject(Call& call, std::string_view name, std::string_view reason) = 0;
  virtual void next(Call& call, std::uint32_t max, const skep_spool_items& items) = 0;
  /// Its size is ours; the layer hands over what the caller knows.
  virtual skep_spool_stats stats(Call& call) = 0;
  virtual void verify(Call& call, const skep_spool_items& problems) = 0;

  static constexpr const char* kKind = SKEP_KIND_SPOOL;
  template <class T>
  static const skep_spool_v1* table() {
    static const skep_spool_v1 t{
        sizeof(skep_spool_v1),
        0,
        [](skep_inst* i, skep_call* c, std::uint64_t bytes, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).reserve(call, bytes); });
        },
        [](skep_inst* i, skep_call* c, std::uint64_t bytes) noexcept {
          Call call(c);
          self(i).unreserve(call, bytes);
        },
        [](skep_inst* i, skep_call* c, const skep_spool_item* items, std::uint32_t n,
           const skep_spool_items* names, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).put(call, {items, n}, *names); });
        },
        [](skep_inst* i, skep_call* c, const skep_view* names, std::uint32_t n,
           skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).ack(call, {names, n}); });
        },
        [](skep_inst* i, skep_call* c, const skep_view* names, std::uint32_t n,
           skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).defer(call, {names, n}); });
        },
        [](skep_inst* i, skep_call* c, skep_view name, skep_view reason, skep_err* err) noexcept {
          return guarded_call(c, err,
                              [&](Call& call) { self(i).reject(call, text(name), text(reason)); });
        },
        [](skep_inst* i, skep_call* c, std::uint32_t max, const skep_spool_items* items,
           skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).next(call, max, *items); });
        },
        [](skep_inst* i, skep_call* c, skep_spool_stats* out, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { skep::write(out, self(i).stats(call)); });
        },
        [](skep_inst* i, skep_call* c, const skep_spool_items* problems, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).verify(call, *problems); });
        }};
    return &t;
  }

 private:
  static Spool& self(skep_inst* i) { return *static_cast<Spool*>(to_component(i)); }
};

}  // namespace skep

#endif
