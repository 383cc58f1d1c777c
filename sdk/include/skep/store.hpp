// C++20 layer for store engines. See skep/kind/store.h for the contract.
#ifndef SKEP_STORE_HPP
#define SKEP_STORE_HPP

#include "skep/kind/store.h"
#include "skep/plugin.hpp"

namespace skep {

class Store : public Component {
 public:
  virtual void batch(Call& call, Array<skep_statement> statements, const skep_store_rows& rows) = 0;
  virtual void query(Call& call, const skep_statement& statement, const skep_store_rows& rows) = 0;
  virtual void migrate(Call& call, std::string_view name,
                       std::span<const skep_view> migrations) = 0;

  static constexpr const char* kKind = SKEP_KIND_STORE;
  template <class T>
  static const skep_store_v1* table() {
    static const skep_store_v1 t{
        sizeof(skep_store_v1), 0,
        [](skep_inst* i, skep_call* c, const skep_statement* s, std::uint32_t n,
           const skep_store_rows* rows, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).batch(call, {s, n}, *rows); });
        },
        [](skep_inst* i, skep_call* c, const skep_statement* s, const skep_store_rows* rows,
           skep_err* err) noexcept {
          return guarded_call(c, err,
                              [&](Call& call) { self(i).query(call, skep::read(s), *rows); });
        },
        [](skep_inst* i, skep_call* c, const char* name, const skep_view* m, std::uint32_t n,
           skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).migrate(call, name, {m, n}); });
        }};
    return &t;
  }

 private:
  static Store& self(skep_inst* i) { return *static_cast<Store*>(to_component(i)); }
};

}  // namespace skep

#endif
