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

/// Says what `call` (never null) is bound to. [any]
using CallResolver = CallControl (*)(skep_call* call);

/// How this process finds a call's control. Set once, before the first plugin runs.
void set_call_resolver(CallResolver resolver);

/// The table, static. run() throws nothing and answers SKEP_E_STATE for a call when no resolver is
/// set. [any]
const skep_svc_process_v1* process_service();

}  // namespace skep::proc
