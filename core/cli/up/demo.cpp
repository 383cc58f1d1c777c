#include "core/cli/up/demo.hpp"

#include <boost/json.hpp>
#include <ostream>

#include "core/cli/base/facts_table.hpp"
#include "core/cli/base/follow.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/task_view.hpp"

namespace skep::cli {
namespace {

constexpr Millis kLimit{60'000};

constexpr std::string_view kScript =
    "echo \"$SKEP_WORKER_ID at $SKEP_SITE says hello\"\n"
    "for step in 1 2 3; do echo \"step $step of 3\"; sleep 0.3; done\n"
    "echo \"up since $(uptime -s 2>/dev/null || cut -d. -f1 /proc/uptime)\"\n";

Expected<std::vector<std::string>> submit(Client& api, const json::array& tasks) {
  const auto made = api.post("/api/tasks", json::serialize(tasks));
  if (!made) return made.error();
  std::vector<std::string> ids;
  for (const json::object* item : items_of(*made)) ids.push_back(get_string(*item, "id"));
  if (ids.size() != tasks.size())
    return Failure(Error{Code::kCorrupt, "the control plane took " + std::to_string(ids.size()) +
                                             " of " + std::to_string(tasks.size()) + " tasks"});
  return ids;
}

bool succeeded(const Console& c, const json::value& task) {
  const json::object& o = task.get_object();
  if (get_string(o, "status") == "succeeded") return true;
  c.note(task_headline(o) + "\n  next:  skep task show " + get_string(o, "id"));
  return false;
}

Expected<bool> show_facts(Client& api, const Console& c, const std::vector<std::string>& sites) {
  json::array wanted;
  for (const std::string& site : sites)
    wanted.push_back(json::object{{"type", "collect_facts"}, {"site", site}});
  const auto ids = submit(api, wanted);
  if (!ids) return ids.error();
  std::vector<json::value> tasks;
  bool good = true;
  for (const std::string& id : *ids) {
    auto task = wait_for_end(api, c, id, kLimit);
    if (!task) return detached(task.error(), id, true);
    good = succeeded(c, *task) && good;
    tasks.push_back(std::move(*task));
  }
  print_facts_table(c, tasks);
  c.out << std::flush;
  return good;
}

/// Whole lines, with the site in front.
class LiveOutput {
 public:
  LiveOutput(const Console& c, std::string site) : console_(c), site_(std::move(site)) {}
  void add(std::string_view text) {
    rest_ += text;
    for (std::size_t end; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1))
      print(rest_.substr(0, end));
  }
  void finish() {
    if (!rest_.empty()) print(std::exchange(rest_, {}));
  }

 private:
  void print(const std::string& line) {
    console_.out << console_.paint(Style::kDim, site_ + " |") << ' ' << printable(line) << '\n'
                 << std::flush;
  }
  const Console& console_;
  std::string site_;
  std::string rest_;
};

Expected<bool> show_script(Client& api, const Console& c, const std::string& site) {
  const auto ids = submit(api, {json::object{{"type", "execute_script"},
                                             {"site", site},
                                             {"params", json::object{{"script", kScript}}}}});
  if (!ids) return ids.error();
  const std::string& id = ids->front();
  c.out << "\nscript at " << site << ", output as it comes (task " << id << ")\n" << std::flush;
  LiveOutput live(c, site);
  const auto logs = read_logs(api, c, id, true, kLimit, [&](const LogLine& line) {
    if (line.stream != "log") live.add(line.text);
    return true;
  });
  live.finish();
  if (!logs) return detached(logs.error(), id, true);
  const auto task = wait_for_end(api, c, id, kLimit);
  if (!task) return detached(task.error(), id, true);
  if (!succeeded(c, *task)) return false;
  print_result(c, task->get_object(), false);
  return true;
}

}  // namespace

Expected<bool> run_demo(Client& api, const Console& c, const std::vector<std::string>& sites) {
  c.out << "\nfacts of every site\n" << std::flush;
  const auto facts = show_facts(api, c, sites);
  if (!facts) return facts.error();
  const auto script = show_script(api, c, sites.front());
  if (!script) return script.error();
  return *facts && *script;
}

}  // namespace skep::cli
