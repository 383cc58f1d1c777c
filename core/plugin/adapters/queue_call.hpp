// What the calls of a queue own and receive, on the thread that makes them.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/adapters/queue_convert.hpp"
#include "core/plugin/adapters/route_call.hpp"
#include "core/plugin/view.hpp"
#include "core/ports/queue.hpp"
#include "skep/kind/queue.h"

namespace skep::plugin::queue_call {

/// Runs a callback's body; nothing may be thrown back into the plugin.
template <class Body>
skep_rc receive(Body&& body) noexcept {
  try {
    body();
    return SKEP_OK;
  } catch (const std::bad_alloc&) {
    return SKEP_E_NO_MEMORY;
  } catch (const std::exception&) {
    return SKEP_E_CORRUPT;  // a document of the plugin that is not JSON
  }
}

/// One verdict per item, in any order; what the plugin left out or invented is its defect.
struct Verdicts {
  struct Given {
    std::int32_t verdict;
    std::string note;
  };
  explicit Verdicts(std::size_t items) : given(items) {}

  skep_queue_verdicts sink() { return {this, take}; }
  static skep_rc take(void* ctx, std::uint32_t index, std::int32_t verdict,
                      skep_view note) noexcept {
    auto& self = *static_cast<Verdicts*>(ctx);
    if (index >= self.given.size()) return SKEP_E_INVALID;
    return receive([&] { self.given[index] = Given{verdict, std::string(text(note))}; });
  }
  Status check(std::int32_t largest) const {
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!given[i])
        return internal_error("the queue plugin gave no verdict for item " + std::to_string(i));
      if (given[i]->verdict < 0 || given[i]->verdict > largest)
        return internal_error("the queue plugin gave the unknown verdict " +
                              std::to_string(given[i]->verdict));
    }
    return {};
  }
  std::vector<std::optional<Given>> given;
};

/// Its receiver points into it.
struct Pinned {
  Pinned() = default;
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
};

/// What a call with verdicts owns: its items, and what the plugin reads of them.
template <class Item, class Abi>
struct Judged : Pinned {
  template <class Convert>
  Judged(std::span<const Item> items, Convert convert)
      : own(items.begin(), items.end()), got(own.size()) {
    in.reserve(own.size());
    for (const Item& item : own) in.push_back(convert(item));
  }
  std::uint32_t count() const { return count_of(in.size()); }

  const std::vector<Item> own;
  std::vector<Abi> in;
  Verdicts got;
  const skep_queue_verdicts sink = got.sink();
};

/// One verdict of type V for each item.
template <class V, class State, class Make>
Result<std::vector<V>> verdicts_of(const RouteHandle& route, const CallRule& rule,
                                   const std::shared_ptr<State>& state, V largest, Make make) {
  SKEP_TRY(call_with<skep_queue_v1>(route, rule, state, make, [&] {
    return state->got.check(static_cast<std::int32_t>(largest));
  }));
  std::vector<V> out;
  out.reserve(state->got.given.size());
  for (const auto& g : state->got.given) out.push_back(static_cast<V>(g->verdict));
  return out;
}

/// Of a call about one task.
struct OneTask : Pinned {
  explicit OneTask(std::string_view task_id, std::string_view error_json = {})
      : id(task_id), error(error_json) {}
  const std::string id;
  const std::string error;
  Verdicts got{1};
  const skep_queue_verdicts sink = got.sink();
};

template <class Make>
Result<ports::LeaseVerdict> one_verdict(const RouteHandle& route, const CallRule& rule,
                                        const std::shared_ptr<OneTask>& state, Make make) {
  const auto all = verdicts_of(route, rule, state, ports::LeaseVerdict::kUnknown, make);
  if (!all) return all.error();
  return all->front();
}

/// Takes rows until they weigh `max_bytes`, or all with 0.
template <class Row>
struct Rows {
  std::size_t max_bytes = 0;
  std::size_t bytes = 0;
  std::vector<Row> rows{};

  template <class Make>
  skep_rc take(const skep_queue_task* theirs, Make make) noexcept {
    skep_queue_task task;
    if (skep_read(&task, sizeof(task), theirs, SKEP_SIZE_1_0_QUEUE_TASK) != SKEP_OK ||
        task.state >= model::kTaskStates)
      return SKEP_E_CORRUPT;
    const skep_rc rc = receive([&] { rows.push_back(make(to_task(task))); });
    bytes += task.params.n + task.result.n + task.error.n;
    return rc == SKEP_OK && max_bytes > 0 && bytes >= max_bytes ? SKEP_ENOUGH : rc;
  }
};

inline skep_rc take_row(void* out, const skep_queue_task* row) noexcept {
  return static_cast<Rows<model::Task>*>(out)->take(row, [](model::Task t) { return t; });
}

/// What a call that yields tasks owns: its input and the rows.
template <class Input>
struct Asked : Pinned {
  explicit Asked(Input in) : input(std::move(in)) {}
  const Input input;
  Rows<model::Task> out{};
  const skep_queue_rows sink{&out, take_row};
};

template <class State, class Make>
Result<std::vector<model::Task>> rows_of(const RouteHandle& route, const CallRule& rule,
                                         const std::shared_ptr<State>& state, Make make) {
  SKEP_TRY(call_with<skep_queue_v1>(route, rule, state, make));
  return std::move(state->out.rows);
}

}  // namespace skep::plugin::queue_call
