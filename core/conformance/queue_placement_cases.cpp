// One truth for placement: a worker is given a task exactly when model::why_not has no objection.
// Generated tasks and workers; a failure names its seed.
#include <random>
#include <set>

#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"
#include "core/model/placement.hpp"

namespace skep::conformance {
namespace {

constexpr std::uint32_t kSeeds = 20;
constexpr int kTasks = 40;
constexpr int kWorkers = 12;

/// Close to each other, so that nearly right answers are wrong: beginnings of each other, the same
/// word in two roles, other case, what a key made of several words might be glued together with.
/// What versions of a type accept: of two or three one is enough.
const std::vector<std::string> kAcceptances{model::acceptance({"a1"}), model::acceptance({"b2"}),
                                            model::acceptance({"b2", "a1"}),
                                            model::acceptance({"a1", "b2", "c3"})};

const std::vector<std::string> kWords{"a", "ab", "b", "A", "a.b", "a-b", "a_b", "gpu", "gpu1"};

class QueuePlacement : public QueueBench {
 public:
  using QueueBench::QueueBench;

 protected:
  void play(std::uint32_t seed) {
    const At at("seed " + std::to_string(seed));
    random_.seed(seed);
    fresh_queue();
    std::vector<model::Task> tasks;
    for (int i = 0; i < kTasks; ++i) tasks.push_back(any_task("t" + std::to_string(i)));
    enqueue(tasks);
    for (int i = 0; i < kWorkers; ++i) {
      if (i == kWorkers / 2 && source().durable) reopen();
      expect_its_tasks(any_worker(), tasks);
    }
  }

 private:
  /// The worker is given these tasks and no other, and hands them back.
  void expect_its_tasks(const model::WorkerProfile& by, const std::vector<model::Task>& tasks) {
    std::set<std::string> expected;
    for (const model::Task& task : tasks)
      if (!why_not(task.spec, by)) expected.insert(task.id);
    std::set<std::string> given;
    for (const model::Task& task : claim(kTasks + 1, by)) {
      KIT_TRUE(given.insert(task.id).second) << task.id << " was given twice";
      KIT_EQ(why_not(task.spec, by).value_or(""), "") << task.id;
      KIT_EQ(release(task), ports::LeaseVerdict::kHeld);
    }
    KIT_EQ(given, expected) << "worker " << by.id << " at \"" << by.site << '"';
    found_ += given.size();
    refused_ += tasks.size() - given.size();
  }

  model::Task any_task(const std::string& id) {
    model::Task task = new_task(id, word());
    if (chance()) task.spec.site = word();
    if (chance() && chance()) task.spec.target_worker = word();
    if (chance()) task.spec.requirements = words(2);
    if (chance()) task.spec.requirements.push_back(acceptance());
    return task;
  }
  model::WorkerProfile any_worker() {
    const std::string id = word();
    model::WorkerProfile out{id, id + "-boot1", chance() ? word() : "", words(6), words(6)};
    for (const char* schema : {"a1", "b2", "c3", "a"})
      if (chance()) out.capabilities.push_back(model::acceptance({schema}));
    return out;
  }
  const std::string& acceptance() { return kAcceptances[random_() % kAcceptances.size()]; }
  bool chance() { return random_() % 2 == 0; }
  const std::string& word() { return kWords[random_() % kWords.size()]; }
  std::vector<std::string> words(std::uint32_t at_most) {
    std::set<std::string> out;
    for (auto n = random_() % (at_most + 1); n > 0; --n) out.insert(word());
    return {out.begin(), out.end()};
  }

 protected:
  std::mt19937 random_;
  std::size_t found_ = 0;
  std::size_t refused_ = 0;
};

SKEP_KIT_CASE(QueuePlacement, gives_a_task_exactly_when_nothing_speaks_against_it) {
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) play(seed);
  play(source().seed);
  KIT_GT(found_, 100u) << "too few matches to say anything";
  KIT_GT(refused_, found_);
}

}  // namespace

Cases<ports::Queue> queue_placement_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {
      SKEP_KIT_ENTRY(gives_a_task_exactly_when_nothing_speaks_against_it)};
  return kCases;
}

}  // namespace skep::conformance
