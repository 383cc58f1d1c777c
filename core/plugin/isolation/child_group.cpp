#include "core/plugin/isolation/child_group.hpp"

#include <unistd.h>

#include <filesystem>

#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/isolation/child_pool.hpp"

namespace skep::plugin {
namespace {

/// A child on loan.
class Loan {
 public:
  Loan(ChildPool& pool, std::unique_ptr<Child> child) : pool_(pool), child_(std::move(child)) {}
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() { pool_.give_back(std::move(child_)); }
  Child* operator->() const { return child_.get(); }

 private:
  ChildPool& pool_;
  std::unique_ptr<Child> child_;
};

/// It ended while its child got ready.
model::Outcome ended_early(TaskCall& call) {
  call.give_up();
  return call.outcome(SKEP_E_CANCELLED);
}

/// No child, so the task was not begun: another try may find one, elsewhere when it is this node
/// that has none for its type.
model::Outcome not_begun(TaskCall& call, const Error& why) {
  if (Child::is_given_up(why)) return ended_early(call);
  Error error = why;
  const bool of_this_node = why.code == Code::kNotHere;
  if (!of_this_node) error.code = Code::kUnavailable;
  model::Outcome outcome = failed_outcome(error, true);
  if (of_this_node) outcome.cause = model::Cause::kType;
  return outcome;
}

struct Script {
  std::string id;
  std::string file;
  std::string source;
};

class ChildTarget final : public TaskTarget {
 public:
  explicit ChildTarget(std::shared_ptr<ChildPool> pool) : pool_(std::move(pool)) {}
  model::Outcome run(TaskCall& call, std::string_view request_json) override {
    auto child = pool_->take(call.control());
    if (!child) return not_begun(call, child.error());
    return Loan(*pool_, std::move(*child))->run(call, {}, request_json);
  }

 private:
  std::shared_ptr<ChildPool> pool_;
};

class ScriptTarget final : public TaskTarget {
 public:
  ScriptTarget(std::shared_ptr<ChildPool> pool, Script script)
      : pool_(std::move(pool)), script_(std::move(script)) {}
  model::Outcome run(TaskCall& call, std::string_view request_json) override {
    auto taken = pool_->take(call.control());
    if (!taken) return not_begun(call, taken.error());
    const Loan child(*pool_, std::move(*taken));
    if (!child->knows(script_.id))
      if (const auto read = child->load(script_.id, script_.file, script_.source, call.control());
          !read)
        return Child::is_given_up(read.error()) ? ended_early(call)
                                                : failed_outcome(read.error(), false);
    return child->run(call, script_.id, request_json);
  }

 private:
  std::shared_ptr<ChildPool> pool_;
  Script script_;
};

class Engine final : public ScriptEngine {
 public:
  explicit Engine(std::shared_ptr<ChildPool> pool) : pool_(std::move(pool)) {}
  Result<std::string> load(std::string_view id, std::string_view file,
                           std::string_view source) override {
    auto taken = pool_->take();
    if (!taken) return taken.error();
    const Loan child(*pool_, std::move(*taken));
    auto manifest = child->load(id, file, source);
    if (manifest) pool_->keep_script(id);
    return manifest;
  }
  void drop(std::string_view id) override { pool_->drop_script(id); }
  std::unique_ptr<TaskTarget> target(std::string id, std::string file,
                                     std::string source) override {
    return std::make_unique<ScriptTarget>(
        pool_, Script{std::move(id), std::move(file), std::move(source)});
  }

 private:
  std::shared_ptr<ChildPool> pool_;
};

class Group final : public ChildGroup {
 public:
  explicit Group(std::shared_ptr<ChildPool> pool) : pool_(std::move(pool)) {}
  ~Group() override { pool_->stop(Millis{0}); }
  std::unique_ptr<TaskTarget> task_target() override {
    return std::make_unique<ChildTarget>(pool_);
  }
  std::unique_ptr<ScriptEngine> scripts() override { return std::make_unique<Engine>(pool_); }
  ChildStats stats() const override { return pool_->stats(); }
  void stop(Millis grace) override { pool_->stop(grace); }

 private:
  std::shared_ptr<ChildPool> pool_;
};

}  // namespace

Result<std::shared_ptr<ChildGroup>> ChildGroup::start(ChildPlugin plugin) {
  // Children have a working directory of their own.
  for (std::string* path : {&plugin.file.path, &plugin.state_dir})
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
  auto pool = std::make_shared<ChildPool>(std::move(plugin));
  auto first = pool->take();
  if (!first) return first.error();
  pool->give_back(std::move(*first));
  return std::shared_ptr<ChildGroup>(std::make_shared<Group>(std::move(pool)));
}

Result<std::string> find_plughost() {
  namespace fs = std::filesystem;
  std::error_code ec;
  const fs::path self = fs::read_symlink("/proc/self/exe", ec).parent_path();
  const std::string beside = (self / "skep-plughost").string();
  const std::string installed =
      (self / "../libexec/skep/skep-plughost").lexically_normal().string();
  for (const std::string& file : {beside, installed})
    if (::access(file.c_str(), X_OK) == 0) return file;
  return Error{Code::kNotFound, "no program " + beside + " or " + installed, "plughost-missing",
               "install skep completely, or set isolation = \"inproc\""};
}

}  // namespace skep::plugin
