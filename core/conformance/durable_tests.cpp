// Tier contract: what a queue, store or spool has said stays, whatever becomes of its process.
#include <fcntl.h>

#include <algorithm>

#include "core/base/text.hpp"
#include "core/conformance/apart.hpp"
#include "core/conformance/plugin_source.hpp"
#include "core/conformance/queue_bench.hpp"
#include "core/plugin/adapters/queue.hpp"
#include "core/plugin/adapters/spool.hpp"
#include "core/plugin/adapters/store.hpp"

namespace skep::conformance {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWriteFirst =
    "let each function end when its effect is durable, not before: what the host was told it "
    "never says again";

/// The folder of one component.
std::string new_folder() {
  const fs::path folder = fs::current_path() / "1";
  fs::create_directories(folder);
  return folder.string();
}

/// A file of the component's own, not the copy of the plugin.
bool keeps_files(const std::string& folder) {
  for (auto at = fs::recursive_directory_iterator(folder); at != end(at); ++at) {
    if (at->path().filename() == "staging") at.disable_recursion_pending();
    if (at->is_regular_file()) return true;
  }
  return false;
}

/// Is one of this process's descriptors written through, without a sync?
bool writes_through() {
  constexpr unsigned kWriteThrough = O_DSYNC;
  for (const auto& entry : fs::directory_iterator("/proc/self/fdinfo")) {
    const auto text = read_file(entry.path());
    const std::size_t at = text ? text->find("flags:") : std::string::npos;
    if (at == std::string::npos) continue;
    if ((std::stoul(text->substr(at + 6), nullptr, 8) & kWriteThrough) != 0) return true;
  }
  return false;
}

/// `write` says what a step on the opened component that has to be durable answered.
template <class Port>
void refuses_what_cannot_be_synced(const Source<Port>& source, const std::string& folder,
                                   const std::function<bool(Port&)>& write) {
  apart([&] {
    const auto port = must(source.open(folder, {}));
    if (!write(*port)) throw Broken("the first write failed", kKindRules);
    if (!keeps_files(folder)) throw Skipped("it keeps no files in its working folder");
    if (writes_through())
      throw Skipped("it writes through, which the kit cannot keep from the disk");
    if (!fail_syncs()) throw Skipped("the kernel lets nobody filter system calls here");
    step("a write while fsync() fails");
    if (write(*port))
      throw Broken(
          "said that a write is done which it never brought to the disk: fsync(), "
          "fdatasync() and msync() failed or were not called",
          kWriteFirst);
  });
}

Source<ports::Queue> queue_of(const Subject& s) {
  return plugin_source<ports::Queue, plugin::QueueAdapter>(s);
}
Source<ports::Store> store_of(const Subject& s) {
  return plugin_source<ports::Store, plugin::StoreAdapter>(s);
}
Source<ports::Spool> spool_of(const Subject& s) {
  return plugin_source<ports::Spool, plugin::SpoolAdapter>(s);
}

const std::vector<std::string> kThings{"CREATE TABLE things (id TEXT PRIMARY KEY)"};

Status add_thing(ports::Store& store, const std::string& id) {
  const ports::Statement add{"INSERT INTO things (id) VALUES ($1)", {id}, 1};
  const auto done = store.batch({&add, 1});
  return done ? Status() : Status(done.error());
}

ports::SpoolItem item(const std::string& task) {
  return {{}, "execution_result", task, R"({"kept":true})"};
}

}  // namespace

void durable_queue_killed(Subject& s) {
  const auto source = queue_of(s);
  const std::string folder = new_folder();
  killed_after([&]() -> std::shared_ptr<void> {
    std::shared_ptr<ports::Queue> queue = must(source.open(folder, {}));
    const std::vector<model::Task> tasks{new_task("held"), new_task("done"), new_task("ready")};
    must(queue->enqueue(kEpoch, tasks));
    const auto held = must(queue->claim(kEpoch, {worker(), 2, kLease}));
    KIT_EQ(held.size(), 2u);
    const ports::ResultRecord result = success(held[1]);
    must(queue->complete(kEpoch, {&result, 1}));
    return queue;
  });
  const auto queue = must(source.open(folder, {}));
  std::vector<model::TaskState> states;
  for (const char* id : {"held", "done", "ready"}) {
    ports::TaskQuery query;
    query.id = id;
    for (const model::Task& task : must(queue->read(query))) states.push_back(task.state);
  }
  using enum model::TaskState;
  KIT_EQ(states, (std::vector<model::TaskState>{kClaimed, kSucceeded, kQueued}))
      << "after its process was killed, of a task that was claimed, one that ended and one that "
         "waits";
  KIT_EQ(must(queue->completions(0, 10)).size(), 1u);
}

void durable_queue_synced(Subject& s) {
  int n = 0;
  refuses_what_cannot_be_synced<ports::Queue>(queue_of(s), new_folder(), [&n](ports::Queue& queue) {
    const model::Task task = new_task("t" + std::to_string(++n));
    return queue.enqueue(kEpoch, {&task, 1}).has_value();
  });
}

void durable_store_killed(Subject& s) {
  const auto source = store_of(s);
  const std::string folder = new_folder();
  killed_after([&]() -> std::shared_ptr<void> {
    std::shared_ptr<ports::Store> store = must(source.open(folder, {}));
    must(store->migrate("kit", kThings));
    must(add_thing(*store, "a"));
    return store;
  });
  const auto store = must(source.open(folder, {}));
  must(store->migrate("kit", kThings));
  KIT_EQ(must(store->query({"SELECT id FROM things"})).size(), 1u)
      << "rows of a batch that had ended when its process was killed";
}

void durable_store_synced(Subject& s) {
  int n = 0;
  refuses_what_cannot_be_synced<ports::Store>(store_of(s), new_folder(), [&n](ports::Store& store) {
    if (n == 0) must(store.migrate("kit", kThings));
    return add_thing(store, "t" + std::to_string(++n)).has_value();
  });
}

void durable_spool_killed(Subject& s) {
  const auto source = spool_of(s);
  const std::string folder = new_folder();
  killed_after([&]() -> std::shared_ptr<void> {
    std::shared_ptr<ports::Spool> spool = must(source.open(folder, {}));
    const std::vector<ports::SpoolItem> items{item("flying"), item("ready")};
    const auto names = must(spool->put(items));
    KIT_EQ(names.size(), 2u);
    must(spool->defer({&names[1], 1}));
    return spool;
  });
  const auto spool = must(source.open(folder, {}));
  std::vector<std::string> tasks;
  for (const auto& kept : must(spool->next(10)))
    if (kept.task_id != "delivered") tasks.push_back(kept.task_id);  // may be delivered again
  std::sort(tasks.begin(), tasks.end());
  KIT_EQ(tasks, (std::vector<std::string>{"flying", "ready"}))
      << "the tasks of what was put, and not settled or deferred, when its process was killed";
}

void durable_spool_synced(Subject& s) {
  int n = 0;
  refuses_what_cannot_be_synced<ports::Spool>(spool_of(s), new_folder(), [&n](ports::Spool& spool) {
    const ports::SpoolItem one = item("t" + std::to_string(++n));
    return spool.put({&one, 1}).has_value();
  });
}

}  // namespace skep::conformance
