// The cases of a kind's contract, on every implementation of its port: the components of a plugin
// file under `skep plugin check`, those that this project ships and its references under ctest.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/conformance/expect.hpp"
#include "core/ports/heartbeat.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/spool.hpp"
#include "core/ports/store.hpp"

namespace skep::conformance {

class ControlPlane;

/// Where a case gets its components from.
template <class Port>
struct Source {
  std::string name;
  /// What was kept in a folder is there when it is opened again.
  bool durable = true;
  /// A started component on `folder`, which exists; `settings` come on top of those it has
  /// otherwise. It ends as the host would end it: stop, destroy.
  std::function<Result<std::unique_ptr<Port>>(const std::string& folder,
                                              const json::object& settings)>
      open;
  /// Is it a setting of the component? Cases that need one skip those that lack it.
  std::function<bool(std::string_view setting)> has;
  std::uint32_t seed = 1;     ///< of what is random
  std::uint32_t rounds = 20;  ///< of what is random: so many
  /// Who answers the HTTP of its components; null = nobody.
  std::shared_ptr<ControlPlane> control_plane{};
  bool needs_http = false;  ///< they speak with it by skep.svc.http
  /// drain() of the one opened last, as before a reload; null = it cannot be drained.
  std::function<void()> drain;
};

/// A component in the hands of a case. Each restart() opens the same folder, each fresh() a new
/// one.
template <class Port>
class Bench {
 public:
  Bench(const Source<Port>& source, std::string root) : source_(source), root_(std::move(root)) {}
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

 protected:
  Port& port() { return *port_; }
  const Source<Port>& source() const { return source_; }
  void fresh(json::object settings = {}) {
    port_.reset();
    folder_ = root_ + "/" + std::to_string(++folders_);
    std::filesystem::create_directories(folder_);
    settings_ = std::move(settings);
    port_ = must(source_.open(folder_, settings_));
  }
  void restart() {
    port_.reset();
    port_ = must(source_.open(folder_, settings_));
  }
  void skip_unless_durable() const {
    if (!source_.durable) throw Skipped(source_.name + " keeps nothing over a restart");
  }
  void skip_unless_it_has(std::string_view setting) const {
    if (!source_.has || !source_.has(setting))
      throw Skipped("it has no setting \"" + std::string(setting) + "\"");
  }

 private:
  const Source<Port>& source_;
  const std::string root_;
  std::string folder_;
  int folders_ = 0;
  json::object settings_;
  std::unique_ptr<Port> port_;
};

/// One case. `name` says what it is about: claims_each_task_once.
template <class Port>
struct KindCase {
  std::string_view name;
  /// `root`: an empty folder of the case's own.
  void (*run)(const Source<Port>& source, const std::string& root);
};

template <class Case, class Port>
void run_case(const Source<Port>& source, const std::string& root) {
  Case one(source, root);
  one.set_up();
  one.body();
}

/// SKEP_KIT_CASE(QueueBench, name) { body }
#define SKEP_KIT_CASE(bench, case_name) \
  struct case_name final : bench {      \
    using bench::bench;                 \
    void body();                        \
  };                                    \
  void case_name::body()
/// An element of an array of KindCase.
#define SKEP_KIT_ENTRY(case_name) \
  { #case_name, &run_case < case_name> }

template <class Port>
using Cases = std::span<const KindCase<Port>>;

/// "contract.queue-claims-each-task-once" of queue and claims_each_task_once.
std::string case_id(std::string_view kind, std::string_view name);

/// All cases of a kind.
std::vector<KindCase<ports::Queue>> queue_cases();
std::vector<KindCase<ports::Store>> store_cases();
std::vector<KindCase<ports::Spool>> spool_cases();
std::vector<KindCase<ports::Heartbeat>> heartbeat_cases();

}  // namespace skep::conformance
