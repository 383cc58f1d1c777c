#include "core/cli/base/task_id.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "core/base/id.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"

namespace skep::cli {
namespace {

constexpr std::string_view kLast = "@last";
constexpr std::size_t kIdLength = 36;
constexpr std::size_t kTimeLength = 13;  // "019b1c2d-3e4f"
constexpr std::size_t kShortest = 4;
constexpr int kShown = 5;

bool is_beginning(std::string_view word) {
  return !word.empty() && word.size() < kIdLength &&
         std::all_of(word.begin(), word.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
         });
}

/// "" when there is no place of the user's own.
std::string last_file(const Invocation& call, const Client& api) {
  if (!api.up_folder().empty()) return api.up_folder() + "/last-task";
  const auto variable = [&](const char* name) {
    const auto found = call.environment.find(name);
    return found == call.environment.end() ? std::string() : found->second;
  };
  const std::string state = variable("XDG_STATE_HOME");
  const std::string home = variable("HOME");
  if (state.empty() && home.empty()) return {};
  return (state.empty() ? home + "/.local/state" : state) + "/skep/last-task-" +
         sha256_hex(api.server()).substr(0, 16);
}

Expected<std::string> last_task(const Invocation& call, const Client& api) {
  const std::string path = last_file(call, api);
  const std::string id(path.empty() ? "" : trim(read_file(path, 4096).value_or("")));
  if (is_name(id)) return id;
  return Failure(
      Error{Code::kNotFound, "@last: no task was submitted to " + api.server() + " from here"}
          .named("no-last-task")
          .with_next("skep task list"));
}

std::string candidate(const json::object& task, WallMs now) {
  return printable(get_string(task, "id") + "  " + get_string(task, "type") + "  " +
                   get_string(task, "status") + "  " +
                   human_age(get_string(task, "created_at"), now) + " ago");
}

Failure ambiguous(const std::string& word, const std::vector<const json::object*>& tasks,
                  WallMs now) {
  std::vector<std::string> lines;
  for (const json::object* task : tasks) lines.push_back(candidate(*task, now));
  return {usage_error("\"" + word + "\" begins the ids of several tasks", "give more of the id")
              .named("ambiguous-id"),
          {},
          std::move(lines)};
}

}  // namespace

std::size_t id_width(const std::vector<const json::object*>& tasks) {
  std::vector<std::string> ids;
  for (const json::object* task : tasks) ids.push_back(get_string(*task, "id"));
  std::sort(ids.begin(), ids.end());
  std::size_t width = kTimeLength;
  for (std::size_t i = 1; i < ids.size(); ++i) {
    const auto [a, b] =
        std::mismatch(ids[i].begin(), ids[i].end(), ids[i - 1].begin(), ids[i - 1].end());
    width = std::max(width, static_cast<std::size_t>(a - ids[i].begin()) + 1);
  }
  return width;
}

Expected<std::string> task_id_of(Invocation& call, Client& api, const std::string& word) {
  if (word == kLast) return last_task(call, api);
  if (!is_beginning(word)) return word;
  if (word.size() < kShortest)
    return Failure(usage_error("\"" + word + "\" is too little of a task's id: at least " +
                                   std::to_string(kShortest) + " characters",
                               "skep task list   or   @last for the last one submitted from here"));
  const auto found =
      api.list(with_query("/api/tasks", {{"id", word}, {"limit", std::to_string(kShown)}}));
  if (!found) return found.error();
  const auto tasks = items_of(*found);
  if (tasks.size() > 1) return ambiguous(word, tasks, call.console.now_ms());
  if (!tasks.empty()) return get_string(*tasks.front(), "id");
  return Failure(Error{Code::kNotFound, "no task has an id that begins with \"" + word + "\""}
                     .named("unknown-task")
                     .with_next("skep task list"));
}

void remember_last(Invocation& call, const Client& api, const std::string& id) {
  const std::string path = last_file(call, api);
  if (path.empty()) return;
  std::error_code ec;  // a folder that cannot be made shows when the file is written
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ec);
  std::ofstream file(path, std::ios::trunc);
  file << id << std::endl;
  if (!file) call.console.note("@last is not this task: " + path + " cannot be written");
}

}  // namespace skep::cli
