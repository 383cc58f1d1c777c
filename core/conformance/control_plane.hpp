// A control plane for heartbeats under test: answers as it was told, over loopback and to requests
// of skep.svc.http alike.
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include "core/base/mutex.hpp"
#include "skep/svc/http.h"

namespace skep::conformance {

struct PlannedReply {
  int status = 200;
  std::string body = "{}";
  bool is_silent = false;  ///< the request is read and never answered
};

struct SeenRequest {
  std::string method;
  std::string path;
  std::string authorization;  ///< of the header, "" = none
  std::string body;
};

/// [any]
class ControlPlane {
 public:
  ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;
  ~ControlPlane();

  /// "http://127.0.0.1:PORT"
  std::string url() const;
  void plan(PlannedReply reply);
  /// The newest request; empty when none has come.
  SeenRequest seen() const;

  /// What a fake host's skep.svc.http does; `self` is a ControlPlane.
  static skep_rc answer(void* self, skep_call* call, const skep_http_request* request,
                        std::int32_t* status, const skep_sink* body, skep_err* err);

 private:
  void serve();
  void serve_one(int socket);
  PlannedReply take(SeenRequest request);
  /// As nobody who answers would.
  skep_rc keep_silent(std::int64_t until_ns, bool is_deadline, skep_err* err) const;

  int listener_ = -1;
  int port_ = 0;
  int stop_[2] = {-1, -1};  ///< a pipe; readable = stop
  mutable Mutex mutex_;
  PlannedReply reply_ SKEP_GUARDED_BY(mutex_);
  SeenRequest seen_ SKEP_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace skep::conformance
