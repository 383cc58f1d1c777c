// Workers as JSON: what the control plane tells people of them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/document.hpp"
#include "core/api/wire.hpp"
#include "core/base/json.hpp"

namespace skep::api {

/// kStopped: it said goodbye; nobody expects it.
enum class Presence { kOnline, kLate, kOffline, kStale, kStopped };
std::string_view to_string(Presence p);
/// Schema of its words.
std::string presence_shape();

/// A worker at one moment; refers to what is known of it.
struct WorkerView {
  const Registration& about;
  const model::WorkerProfile& profile;
  const Beat& beat;  ///< the last one
  WorkerMode mode = WorkerMode::kActive;
  Presence presence = Presence::kOnline;
  WallMs registered_ms = 0;
  WallMs last_seen_ms = 0;
  std::int64_t skew_ms = 0;
  WallMs now = 0;
  std::vector<std::string> troubles{};  ///< it gets no tasks, none of a type, or what else is wrong
  bool is_awaited = false;              ///< silent, but the control plane has just started
};
std::string encode(const WorkerView& w);
/// {"items":[..],"next_cursor":null}
std::string encode(std::span<const WorkerView> workers);
std::string encode_removed(std::string_view worker_id);

/// Worker, WorkerList, RemovedWorker.
Documents worker_documents();

}  // namespace skep::api
