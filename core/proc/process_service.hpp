// The service skep.svc.process/1 of a host, over proc::run().
#pragma once

#include "core/base/clock.hpp"
#include "skep/svc/process.h"

namespace skep::proc {

/// What ends the children of one call.
struct CallControl {
  int cancel_fd = -1;   ///< readable on cancellation; -1 = cannot be cancelled
  MonoMs deadline = 0;  ///< CLOCK_MONOTONIC in ms; 0 = none
};

/// By the call's own functions; nothing ends a call that is null. [any]
CallControl control_of(skep_call* call);

/// The table, static. run() throws nothing. [any]
const skep_svc_process_v1* process_service();

}  // namespace skep::proc
