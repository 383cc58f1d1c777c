// The collectors: one per group of facts.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "skep/abi/base.h"
#include "skep/json.hpp"

namespace skep::facts {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Thrown by Context::check(); what was collected before it is kept.
class OutOfTime : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What one run of one collector has at hand.
class Context {
 public:
  Context(skep_call* call, SteadyTime deadline) : call_(call), deadline_(deadline) {}

  /// Throws OutOfTime when the collector's time is up. For loops over many things.
  void check() const;
  std::int64_t left_ms() const;

  struct Answer {
    std::string out;
    bool in_time = false;
    bool ok = false;  ///< it ended by itself with code 0
  };
  /// Runs a program with the time that is left. Throws Fault when it cannot be started. [any]
  Answer ask(std::span<const std::string> argv) const;

 private:
  skep_call* call_;
  SteadyTime deadline_;
};

struct Collector {
  const char* name;
  /// Fills the group's object. Throws OutOfTime or Fault; what is in `out` by then is kept.
  void (*collect)(Json& out, const Context& context);
};

/// All of them, in the order in which they are reported.
std::span<const Collector> collectors();

void collect_os(Json& out, const Context& context);
void collect_kernel(Json& out, const Context& context);
void collect_cpu(Json& out, const Context& context);
void collect_memory(Json& out, const Context& context);
void collect_disks(Json& out, const Context& context);
void collect_mounts(Json& out, const Context& context);
void collect_network(Json& out, const Context& context);
void collect_processes(Json& out, const Context& context);
void collect_users(Json& out, const Context& context);
void collect_uptime(Json& out, const Context& context);
void collect_load(Json& out, const Context& context);
void collect_packages(Json& out, const Context& context);
void collect_virtualization(Json& out, const Context& context);
void collect_limits(Json& out, const Context& context);
void collect_entropy(Json& out, const Context& context);
void collect_security(Json& out, const Context& context);
void collect_time(Json& out, const Context& context);

}  // namespace skep::facts
