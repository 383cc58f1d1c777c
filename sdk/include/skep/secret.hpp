// C++20 layer over skep.svc.secret/1: values that the node keeps and that nobody sees.
#ifndef SKEP_SECRET_HPP
#define SKEP_SECRET_HPP

#include <string>
#include <string_view>

#include "skep/sink.hpp"
#include "skep/svc/secret.h"

namespace skep {

/// The value of [secrets.NAME], as its file has it now. Throws Fault with what the host said. Needs
/// "skep.svc.secret/1" in the manifest's "requires" and the permission "secrets". [any]
inline std::string secret(std::string_view name, skep_call* call = nullptr) {
  TextSink value;
  HostError error;
  error.check(need_service<skep_svc_secret_v1>(SKEP_SVC_SECRET)
                  .get(host(), call, view(name), value.sink(), error.out()));
  return value.take();
}

}  // namespace skep

#endif
