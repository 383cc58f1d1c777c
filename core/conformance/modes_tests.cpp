// Tier modes: one file, the same words in this process and in a child. With the real services of a
// host, because a child has no others.
#include <filesystem>
#include <memory>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/mutex.hpp"
#include "core/conformance/plugin_under_test.hpp"
#include "core/plugin/adapters/task.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::conformance {
namespace {

constexpr MonoMs kRunMs = 10'000;

/// What a run said, without what differs from one run to the next.
struct Transcript {
  std::string outcome;  ///< "succeeded", or the error document
  std::string out;
  std::string err;
  std::string result;
  std::string shape;  ///< members of the result, and which channels were used
};

std::string members_of(const std::string& document) {
  const auto parsed = parse_json(document);
  if (!parsed || !parsed->is_object()) return document.empty() ? "none" : "a value";
  std::string out;
  for (const auto& [name, value] : parsed->get_object()) out += std::string(name) + " ";
  return out;
}

Transcript run_in(plugin::TaskTarget& target, const Subject& s) {
  Transcript t;
  ports::CancelToken cancel;
  Mutex mutex;  // a plugin may speak on several threads
  const ports::TaskEvents events{[&](bool is_stderr, std::string_view bytes) {
                                   const MutexLock lock(mutex);
                                   (is_stderr ? t.err : t.out) += bytes;
                                 },
                                 [](std::uint32_t, std::string_view) {}, [](std::string_view) {}};
  plugin::TaskCall call(s.manifest.id, proc::monotonic_ms() + kRunMs, cancel, events);
  const auto outcome = target.run(call, request_json(s));
  t.outcome = outcome.kind == model::OutcomeKind::kSucceeded ? "succeeded" : outcome.error;
  t.result = outcome.result;
  t.shape = "result: " + members_of(t.result) + (t.out.empty() ? "" : ", stdout") +
            (t.err.empty() ? "" : ", stderr");
  return t;
}

bool same(const Transcript& a, const Transcript& b) {
  return a.outcome == b.outcome && a.out == b.out && a.err == b.err && a.result == b.result;
}

template <class T>
T usable(Result<T> result, std::string_view doing) {
  if (result) return std::move(*result);
  throw Broken(std::string(doing) + ": " + result.error().message,
               result.error().next.empty() ? "run the other tests first" : result.error().next);
}

plugin::PluginFacts facts_of(const Subject& s) {
  plugin::PluginFacts facts{s.manifest.id, s.manifest.version};
  facts.generation = 1;
  facts.permissions = plugin::permissions(s.manifest);
  facts.state_dir = std::filesystem::current_path().string();
  facts.mode = "check";
  return facts;
}

std::unique_ptr<plugin::TaskTarget> here(const Subject& s, const plugin::Staged& staged) {
  step("starting in this process");
  auto loaded = usable(plugin::LoadedPlugin::load(facts_of(s), staged), "in this process");
  auto instance = usable(
      plugin::Instance::start(std::move(loaded), s.component->name, s.component->kind, s.config),
      "in this process");
  const auto* table = static_cast<const skep_task_v1*>(instance->iface());
  skep_inst* inst = instance->handle();
  return std::make_unique<plugin::InprocTarget>(table, inst, std::move(instance), s.manifest.id);
}

plugin::ChildPlugin child_of(const Subject& s, const plugin::Staged& staged) {
  const auto plughost = plugin::find_plughost();
  if (!plughost) throw Skipped(plughost.error().message);
  plugin::ChildPlugin child;
  child.plughost = *plughost;
  child.file = staged;
  child.plugin_id = s.manifest.id;
  child.version = s.manifest.version;
  child.component = s.component->name;
  child.kind = s.component->kind;
  child.config_json = s.config;
  child.generation = 1;
  child.state_dir = std::filesystem::current_path().string();
  child.permissions = plugin::permissions(s.manifest);
  return child;
}

}  // namespace

void modes_same_transcript(Subject& s) {
  const auto area = usable(
      plugin::StagingArea::open((std::filesystem::current_path() / "staging").string()), "staging");
  const auto staged = usable(area.stage(s.file, "kit"), "staging");
  const auto child = child_of(s, staged);
  Transcript first;
  Transcript second;
  {
    const auto target = here(s, staged);
    step("run() in this process");
    first = run_in(*target, s);
    second = run_in(*target, s);
  }
  step("starting in a child process");
  const auto group = usable(plugin::ChildGroup::start(child), "in a child process");
  const auto target = group->task_target();
  step("run() in a child process");
  const Transcript apart = run_in(*target, s);
  group->stop();
  // A task that never says the same twice is compared by the form of what it says.
  const bool steady = same(first, second);
  const bool agree = steady ? same(first, apart)
                            : first.shape == apart.shape &&
                                  (first.outcome == "succeeded") == (apart.outcome == "succeeded");
  if (!agree)
    throw Broken("in this process: " + first.outcome + ", " + first.shape +
                     "; in a child: " + apart.outcome + ", " + apart.shape,
                 "depend on nothing but the request, the settings and the services");
  s.remark = steady ? "word for word" : "in form; no two runs say the same";
}

}  // namespace skep::conformance
