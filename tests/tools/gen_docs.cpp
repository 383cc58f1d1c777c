// Writes the documents that are made from tables of the program: `gen_docs --write`.
// Without arguments it says which of them differ from what it would write, and fails.
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "core/base/text.hpp"
#include "core/config/show.hpp"
#include "core/model/transitions.hpp"
#include "core/plugin/generation_states.hpp"

namespace {

using skep::model::TaskState;
using skep::model::Transition;
using skep::plugin::GenerationState;

constexpr std::string_view kHead = R"(# States of a task

Generated from `core/model/transitions.cpp` by `gen_docs --write`; a test compares them.

A task moves only along the rows below. Each row is one guarded write: when the guard does not hold,
nothing is changed. "Fence" is the triple task, attempt and lease; an attempt grows at every claim, so
an old worker cannot write over a newer one.

)";

std::string_view meaning(TaskState s) {
  switch (s) {
    case TaskState::kQueued:
      return "may be claimed now";
    case TaskState::kWaiting:
      return "scheduled for later, or backing off before a retry";
    case TaskState::kClaimed:
      return "leased to a worker that has not said it started";
    case TaskState::kExecuting:
      return "leased, and the worker says it runs";
    case TaskState::kSuspect:
      return "the lease ran out; still the worker's until `lost_after_seconds`";
    case TaskState::kSucceeded:
      return "ended with a result";
    case TaskState::kFailed:
      return "ended with a failure that another try would not mend";
    case TaskState::kCancelled:
      return "ended by an operator, or expired before a claim";
    case TaskState::kDead:
      return "ended because tries or crashes are used up";
  }
  return "";
}

std::string states() {
  std::string out = "## States\n\n| State | Shown as | Meaning |\n|---|---|---|\n";
  for (std::uint32_t i = 0; i < skep::model::kTaskStates; ++i) {
    const TaskState s{i};
    out += "| `" + std::string(to_string(s)) + "` | " + std::string(public_status(s)) + " | " +
           std::string(meaning(s)) + " |\n";
  }
  return out + '\n';
}

/// One arrow for each pair of states, with all its events. Requeue would cross every other line.
std::string picture() {
  std::map<std::pair<TaskState, TaskState>, std::string> arrows;
  for (const Transition& t : skep::model::transitions()) {
    if (t.event == skep::model::Event::kRequeue || t.from == t.to) continue;
    std::string& events = arrows[{t.from, t.to}];
    events += (events.empty() ? "" : ", ") + std::string(to_string(t.event));
  }
  std::string out =
      "## Picture\n\nWithout `requeue`, which leads from everywhere back to `queued`, "
      "and without what leaves the state as it is.\n\n```mermaid\nstateDiagram-v2\n  [*] --> "
      "queued\n"
      "  [*] --> retry_wait: run_at lies ahead\n";
  for (const auto& [ends, events] : arrows)
    out += "  " + std::string(to_string(ends.first)) + " --> " +
           std::string(to_string(ends.second)) + ": " + events + "\n";
  for (const TaskState s :
       {TaskState::kSucceeded, TaskState::kFailed, TaskState::kCancelled, TaskState::kDead})
    out += "  " + std::string(to_string(s)) + " --> [*]\n";
  return out + "```\n\n";
}

std::string rows() {
  std::string out =
      "## Transitions\n\n| From | Event | To | Guard | Also |\n|---|---|---|---|---|\n";
  for (const Transition& t : skep::model::transitions())
    out += "| `" + std::string(to_string(t.from)) + "` | " + std::string(to_string(t.event)) +
           " | `" + std::string(to_string(t.to)) + "` | " + std::string(t.guard) + " | " +
           std::string(t.effect) + " |\n";
  return out;
}

std::string state_machine() { return std::string(kHead) + states() + picture() + rows(); }

constexpr std::string_view kBegin =
    "<!-- made by gen_docs from core/plugin/generation_states.cpp -->";
constexpr std::string_view kEnd = "<!-- end of what gen_docs made -->";

std::string generation_states() {
  std::string out = std::string(kBegin) + "\n\n| State | Shown as | Meaning |\n|---|---|---|\n";
  for (std::size_t i = 0; i < skep::plugin::kGenerationStates; ++i) {
    const auto s = static_cast<GenerationState>(i);
    out += "| `" + std::string(to_string(s)) + "` | " + std::string(public_word(s)) + " | " +
           std::string(meaning(s)) + " |\n";
  }
  std::map<std::pair<GenerationState, GenerationState>, std::string> arrows;
  std::map<GenerationState, bool> goes_on;
  for (const auto& t : skep::plugin::generation_transitions()) {
    std::string& events = arrows[{t.from, t.to}];
    events += (events.empty() ? "" : ", ") + std::string(to_string(t.event));
    goes_on[t.from] = true;
  }
  out += "\n```mermaid\nstateDiagram-v2\n  [*] --> starting\n";
  for (const auto& [ends, events] : arrows)
    out += "  " + std::string(to_string(ends.first)) + " --> " +
           std::string(to_string(ends.second)) + ": " + events + "\n";
  for (std::size_t i = 0; i < skep::plugin::kGenerationStates; ++i)
    if (const auto s = static_cast<GenerationState>(i); !goes_on[s])
      out += "  " + std::string(to_string(s)) + " --> [*]\n";
  return out + "```\n\n" + std::string(kEnd);
}

/// The document with what stands between its marks made anew; nothing when it has no marks.
std::optional<std::string> with_generation_states(std::string document) {
  const auto begin = document.find(kBegin);
  const auto end = document.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return std::nullopt;
  return document.replace(begin, end + kEnd.size() - begin, generation_states());
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  if (!out) std::cerr << "gen_docs: cannot write " << path << "\n";
  return static_cast<bool>(out);
}

bool check_file(const std::string& path, const std::string& text) {
  const auto found = skep::read_file(path);
  if (found == text) return true;
  std::cerr << "gen_docs: " << path << (found ? " is out of date" : " cannot be read")
            << "; run: gen_docs --write\n";
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (argc > 2 || (!mode.empty() && mode != "--write")) {
    std::cerr << "usage: gen_docs [--write]\n";
    return 2;
  }
  const std::string docs = std::string(SKEP_SOURCE_DIR) + "/docs/";
  const auto act = mode.empty() ? check_file : write_file;
  const bool config = act(docs + "reference/config.md", skep::config::reference_markdown());
  const bool states = act(docs + "state-machine.md", state_machine());
  const std::string reload = docs + "plugin-reload.md";
  const auto whole = with_generation_states(skep::read_file(reload).value_or(""));
  if (!whole) std::cerr << "gen_docs: " << reload << " has lost its marks\n";
  const bool generations = whole && act(reload, *whole);
  return config && states && generations ? 0 : 1;
}
