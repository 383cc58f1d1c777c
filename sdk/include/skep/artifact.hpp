// C++20 layer over skep.svc.artifact/1: what a task leaves, and what it reads.
#ifndef SKEP_ARTIFACT_HPP
#define SKEP_ARTIFACT_HPP

#include <string>
#include <string_view>
#include <utility>

#include "skep/plugin.hpp"
#include "skep/svc/artifact.h"

namespace skep {

namespace detail {
inline const skep_svc_artifact_v1& artifact_service() {
  const auto* svc = service<skep_svc_artifact_v1>(SKEP_SVC_ARTIFACT);
  if (svc == nullptr) throw Fault(SKEP_E_UNSUPPORTED, "this host has no " SKEP_SVC_ARTIFACT);
  return *svc;
}
}  // namespace detail

/// An artifact that is being written; kept by close(), and gone without it. Throws Fault with what
/// the host said. Needs "skep.svc.artifact/1" in the manifest's "requires".
class Artifact {
 public:
  struct Info {
    std::uint64_t bytes = 0;
    std::string sha256;
  };
  Artifact(skep_call* call, std::string_view name, std::string_view media_type = {})
      : svc_(&detail::artifact_service()) {
    HostError error;
    error.check(svc_->open(host(), call, view(name), view(media_type), &handle_, error.out()));
  }
  Artifact(Artifact&& other) noexcept
      : svc_(other.svc_), handle_(std::exchange(other.handle_, nullptr)) {}
  Artifact(const Artifact&) = delete;
  Artifact& operator=(const Artifact&) = delete;
  Artifact& operator=(Artifact&&) = delete;
  ~Artifact() {
    if (handle_ != nullptr) svc_->close(handle_, 0, nullptr, nullptr);
  }
  void write(std::string_view bytes) {
    HostError error;
    error.check(svc_->write(handle_, view(bytes), error.out()));
  }
  /// The task leaves it.
  Info close() {
    skep_artifact_info info{};
    info.size = sizeof(info);
    HostError error;
    error.check(svc_->close(std::exchange(handle_, nullptr), 1, &info, error.out()));
    return {info.bytes, info.sha256};
  }

 private:
  const skep_svc_artifact_v1* svc_;
  skep_artifact* handle_ = nullptr;
};

/// The file of an input: of a parameter {"artifact": SHA256, "size": n}.
inline std::string input_path(skep_call* call, std::string_view sha256) {
  std::string path;
  const skep_sink sink{&path, [](void* to, skep_view bytes) noexcept {
                         return guarded(
                             nullptr, [&] { static_cast<std::string*>(to)->append(text(bytes)); });
                       }};
  HostError error;
  error.check(detail::artifact_service().input(host(), call, view(sha256), &sink, error.out()));
  return path;
}

}  // namespace skep

#endif
