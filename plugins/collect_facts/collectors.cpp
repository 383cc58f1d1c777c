#include "collectors.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "skep/plugin.hpp"

namespace skep::facts {
namespace {

constexpr std::size_t kMostOutput = 16u << 20;

skep_rc append(void* ctx, std::uint32_t channel, skep_view bytes) noexcept {
  auto& out = *static_cast<std::string*>(ctx);
  if (channel != SKEP_CH_STDOUT) return SKEP_OK;
  if (out.size() + bytes.n > kMostOutput) return SKEP_E_NO_MEMORY;
  try {
    out += text(bytes);
  } catch (const std::bad_alloc&) {
    return SKEP_E_NO_MEMORY;
  }
  return SKEP_OK;
}

constexpr Collector kCollectors[] = {
    {"os", collect_os},
    {"kernel", collect_kernel},
    {"cpu", collect_cpu},
    {"memory", collect_memory},
    {"disks", collect_disks},
    {"mounts", collect_mounts},
    {"network", collect_network},
    {"processes", collect_processes},
    {"users", collect_users},
    {"uptime", collect_uptime},
    {"load", collect_load},
    {"packages", collect_packages},
    {"virtualization", collect_virtualization},
    {"limits", collect_limits},
    {"entropy", collect_entropy},
    {"security", collect_security},
    {"time", collect_time},
};

}  // namespace

std::span<const Collector> collectors() { return kCollectors; }

std::int64_t Context::left_ms() const {
  const auto left = deadline_ - std::chrono::steady_clock::now();
  return std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::milliseconds>(left).count());
}

void Context::check() const {
  if (std::chrono::steady_clock::now() >= deadline_) throw OutOfTime("ran out of time");
}

Context::Answer Context::ask(std::span<const std::string> argv) const {
  check();
  std::vector<skep_view> args;
  for (const std::string& arg : argv) args.push_back(view(arg));
  const char* path = std::getenv("PATH");
  const std::string path_variable =
      std::string("PATH=") + (path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
  const skep_view env[] = {view(path_variable), view("LC_ALL=C")};

  skep_process_spec spec{};
  spec.size = sizeof(spec);
  spec.argv = args.data();
  spec.argc = static_cast<std::uint32_t>(args.size());
  spec.env = env;
  spec.envc = 2;
  spec.cwd = view("/");
  spec.timeout_ms = std::max<std::int64_t>(1, left_ms());
  spec.grace_ms = 1;  // it only reads: nothing to say goodbye to
  Answer answer;
  const skep_process_output output{&answer.out, append};
  skep_process_exit exit{};
  exit.size = sizeof(exit);
  HostError error;
  error.check(process_->run(host(), call_, &spec, &output, &exit, error.out()));
  answer.in_time = exit.reason != SKEP_EXIT_TIMEOUT;
  answer.ok = exit.reason == SKEP_EXIT_EXITED && exit.exit_code == 0;
  return answer;
}

}  // namespace skep::facts
