// kernel, uptime, load, limits, entropy
#include <sys/resource.h>
#include <sys/utsname.h>

#include <ctime>

#include "collectors.hpp"
#include "read.hpp"

namespace skep::facts {

void collect_kernel(Json& out, const Context&) {
  utsname names{};
  if (uname(&names) == 0) {
    out.set("name", names.sysname).set("release", names.release).set("version", names.version);
  }
  put(out, "command_line", line_of("/proc/cmdline"));
  const std::string modules = slurp("/proc/modules");
  out.set("module_count", static_cast<std::int64_t>(lines(modules).size()));
  put(out, "tainted", number_of("/proc/sys/kernel/tainted"));
}

void collect_uptime(Json& out, const Context&) {
  const std::string text = slurp("/proc/uptime");
  if (const auto w = words(text); w.size() >= 2) {
    put(out, "seconds", integer(w[0]));
    put(out, "idle_seconds", integer(w[1]));
  }
  const std::string stat = slurp("/proc/stat");
  for (const std::string_view line : lines(stat))
    if (line.starts_with("btime "))
      if (const auto boot = integer(line.substr(6))) out.set("booted_at", iso_time(*boot));
}

void collect_load(Json& out, const Context&) {
  const std::string text = slurp("/proc/loadavg");
  const auto w = words(text);
  if (w.size() < 4) return;
  put(out, "one_minute", real(w[0]));
  put(out, "five_minutes", real(w[1]));
  put(out, "fifteen_minutes", real(w[2]));
  const std::size_t slash = w[3].find('/');
  put(out, "runnable_count", integer(w[3]));
  if (slash != std::string_view::npos) put(out, "entity_count", integer(w[3].substr(slash + 1)));
}

void collect_limits(Json& out, const Context&) {
  const std::string files = slurp("/proc/sys/fs/file-nr");
  if (const auto w = words(files); w.size() >= 3) {
    put(out, "open_file_count", integer(w[0]));
    put(out, "open_file_limit", integer(w[2]));
  }
  put(out, "pid_limit", number_of("/proc/sys/kernel/pid_max"));
  put(out, "thread_limit", number_of("/proc/sys/kernel/threads-max"));
  put(out, "listen_backlog_limit", number_of("/proc/sys/net/core/somaxconn"));
  put(out, "inotify_watch_limit", number_of("/proc/sys/fs/inotify/max_user_watches"));
  put(out, "inotify_instance_limit", number_of("/proc/sys/fs/inotify/max_user_instances"));
  put(out, "memory_map_limit", number_of("/proc/sys/vm/max_map_count"));
  rlimit own{};
  if (getrlimit(RLIMIT_NOFILE, &own) == 0) {
    out.set("worker_open_file_soft_limit", std::uint64_t{own.rlim_cur});
    out.set("worker_open_file_hard_limit", std::uint64_t{own.rlim_max});
  }
}

void collect_entropy(Json& out, const Context&) {
  put(out, "available_bits", number_of("/proc/sys/kernel/random/entropy_avail"));
  put(out, "pool_bits", number_of("/proc/sys/kernel/random/poolsize"));
}

}  // namespace skep::facts
