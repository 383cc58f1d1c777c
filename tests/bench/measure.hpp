// What the benchmark programs share: clocks and lines `bench NAME VALUE UNIT`.
#pragma once

#include <errno.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace skep::bench {

using Steady = std::chrono::steady_clock;

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
  std::exit(1);
}

template <class T>
T checked(Result<T> result) {
  if (!result) die(result.error().message);
  return std::move(*result);
}

template <class Work>
double micros(Work&& work) {
  const auto start = Steady::now();
  work();
  return std::chrono::duration<double, std::micro>(Steady::now() - start).count();
}

/// Samples in microseconds as NAME_p50, NAME_p99 and NAME_max. Prints at once: the line is there
/// when a later part dies.
inline void report(const std::string& name, std::vector<double> samples) {
  if (samples.empty()) die(name + ": nothing was measured");
  std::sort(samples.begin(), samples.end());
  const auto line = [&](const char* what, double value) {
    std::printf("bench %s_%s %.1f us\n", name.c_str(), what, value);
  };
  line("p50", samples[samples.size() / 2]);
  line("p99", samples[samples.size() * 99 / 100]);
  line("max", samples.back());
  std::fflush(stdout);
}

}  // namespace skep::bench
