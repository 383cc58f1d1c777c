// processes
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "collectors.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

constexpr std::size_t kTop = 5;

struct Process {
  std::int64_t pid = 0;
  std::string name;
  char state = '?';
  std::int64_t threads = 0;
  std::int64_t rss_bytes = 0;
};

/// pid (name) state ppid ..: the name may hold spaces and brackets, so the last ')' ends it. Only
/// this file is read: /proc/PID/cmdline waits for the memory lock of a stuck process.
std::optional<Process> read_process(const std::string& pid) {
  const std::string text = slurp("/proc/" + pid + "/stat");
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;  // it ended
  const auto w = words(std::string_view(text).substr(close + 1));
  constexpr std::size_t kState = 0, kThreads = 17, kRss = 21;
  if (w.size() <= kRss) return std::nullopt;
  static const std::int64_t page = sysconf(_SC_PAGESIZE);
  Process p;
  p.pid = integer(pid).value_or(0);
  p.name = text.substr(open + 1, close - open - 1);
  p.state = w[kState][0];
  p.threads = integer(w[kThreads]).value_or(0);
  p.rss_bytes = integer(w[kRss]).value_or(0) * page;
  return p;
}

void put_states(Json& out, const std::vector<Process>& all) {
  const auto count = [&](std::string_view states) {
    return std::int64_t{std::count_if(all.begin(), all.end(), [&](const Process& p) {
      return states.find(p.state) != std::string_view::npos;
    })};
  };
  out.set("total_count", static_cast<std::int64_t>(all.size()));
  out.set("running_count", count("R")).set("sleeping_count", count("SI"));
  out.set("blocked_count", count("D")).set("stopped_count", count("Tt"));
  out.set("zombie_count", count("Z"));
}

}  // namespace

void collect_processes(Json& out, const Context& context) {
  std::vector<Process> all;
  for (const std::string& name : names_in("/proc")) {
    if (name[0] < '0' || name[0] > '9') continue;
    context.check();
    if (auto p = read_process(name)) all.push_back(std::move(*p));
  }
  put_states(out, all);
  std::int64_t threads = 0;
  for (const Process& p : all) threads += p.threads;
  out.set("thread_count", threads);

  const std::size_t shown = std::min(kTop, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), all.end(),
                    [](const Process& a, const Process& b) { return a.rss_bytes > b.rss_bytes; });
  Json top = Json::array();
  for (std::size_t i = 0; i < shown; ++i)
    top.push(Json::object({{"pid", all[i].pid},
                           {"name", all[i].name},
                           {"rss_bytes", all[i].rss_bytes},
                           {"thread_count", all[i].threads}}));
  out.set("top_by_rss", std::move(top));
}

}  // namespace skep::facts
